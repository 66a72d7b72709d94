"""Operations on listings, on the real engine: happy path, each error, lost race, second time, wrong tenant."""

import time
import uuid
from datetime import timedelta

import pytest
from msgspec import UNSET

from resale.application.operations.listings import (
    Decision,
    Moderation,
    create_listing,
    edit_listing,
    moderate_listing,
    pause_listing,
    submit_listing,
    withdraw_listing,
)
from resale.application.operations.orders import cancel_order
from resale.application.ports import IdempotencyConflict
from resale.application.queries.listings import OwnerListing, get_listing
from resale.domain.access import Principal, Role
from resale.domain.changes import ChangeType
from resale.domain.command_context import command_key
from resale.domain.listings import (
    ImagesFrozen,
    ImagesPending,
    Listing,
    ListingChanged,
    ListingEdit,
    ListingNotFound,
    ListingStatus,
    ListingTransitionRefused,
    PriceInput,
    PriceRefused,
    SlotInput,
)
from resale.domain.media import MediaStatus
from resale.errors import Forbidden, Invalid
from tests.operations.world import BRAND, World, a_new_listing, customer_of, later
from tests.unit.builders import NOW

SLOT = SlotInput(content_type="image/png", bytes=10)


class TestCreateListing:
    def test_makes_a_draft_with_a_slot_an_image(self, world: World) -> None:
        seller = world.shopper()
        listing, slots = world.draft(seller, images=(SLOT, SLOT))
        stored = world.listing(listing.id)
        assert stored == listing
        assert stored.status == ListingStatus.DRAFT
        assert stored.image_ids == tuple(slot.id for slot in slots)
        assert [image.status for image in world.reader.list_media(listing.id)] == [MediaStatus.AWAITING_UPLOAD] * 2

    def test_a_shopper_becomes_one_customer(self, world: World) -> None:
        seller = world.shopper()
        first, _ = world.draft(seller)
        second, _ = world.draft(seller)
        assert first.seller_id == second.seller_id == customer_of(world, seller)

    def test_refuses_a_foreign_currency(self, world: World) -> None:
        with pytest.raises(PriceRefused) as refused:
            world.draft(world.shopper(), price=PriceInput(amount=1, currency="JPY"))
        assert refused.value.errors[0].pointer == "/price/currency"

    def test_the_same_key_makes_one_listing(self, world: World) -> None:
        seller = world.shopper()
        key = command_key(caller=seller.subject, command="create", client_key="k1", body=b"{}")
        made, _ = create_listing(world.uow(key=key), shopper=seller, new=a_new_listing())
        with pytest.raises(IdempotencyConflict):
            create_listing(world.uow(key=key), shopper=seller, new=a_new_listing())
        record = world.reader.find_idempotency_record(key.key)
        assert record is not None
        assert record.entity_id == made.id
        page = world.reader.list_seller_listings(seller_id=made.seller_id, limit=10, cursor=None)
        assert [document.id for document in page.documents] == [made.id]

    def test_a_key_is_kept_for_a_day_of_the_wall_clock(self, world: World) -> None:
        key = command_key(caller=uuid.uuid4().hex, command="create", client_key="k1", body=b"{}")
        create_listing(world.uow(now=later(60 * 86_400), key=key), shopper=world.shopper(), new=a_new_listing())
        item = world.container.sessions.for_tenant(world.tenant).dynamodb.get_item(
            table=world.tenant.resources.tables.idempotency, key={"pk": key.key}
        )
        assert item is not None
        assert int(str(item["expires_at"])) == pytest.approx(time.time() + 86_400, abs=60)

    def test_two_first_writes_at_once_make_one_customer(self, world: World) -> None:
        seller = world.shopper()
        early = world.uow()
        assert early.customers.find_id(issuer=seller.issuer, subject=seller.subject) is None
        world.draft(seller)
        late = world.uow()
        create_listing(late, shopper=seller, new=a_new_listing())
        page = world.reader.list_seller_listings(seller_id=customer_of(world, seller), limit=10, cursor=None)
        assert len(page.documents) == 2


class TestEditListing:
    def test_an_active_listing_goes_back_to_review_and_off_sale(self, world: World) -> None:
        seller = world.shopper()
        listing = world.active(seller)
        edit = ListingEdit(title="Shorter")
        edited, _ = edit_listing(
            world.uow(now=later(5), principal=world.principal(seller)), listing_id=listing.id, edit=edit
        )
        assert edited.status == ListingStatus.PENDING_REVIEW
        assert edited.photos == listing.photos
        page = world.reader.list_product_listings(product=listing.product, limit=10, cursor=None)
        assert page.documents == ()

    def test_refuses_new_images_once_submitted(self, world: World) -> None:
        seller = world.shopper()
        listing = world.active(seller)
        with pytest.raises(ImagesFrozen):
            edit_listing(
                world.uow(principal=world.principal(seller)), listing_id=listing.id, edit=ListingEdit(images=(SLOT,))
            )

    def test_a_draft_takes_more_images(self, world: World) -> None:
        seller = world.shopper()
        listing, _ = world.draft(seller)
        edited, added = edit_listing(
            world.uow(principal=world.principal(seller), expected_version=1),
            listing_id=listing.id,
            edit=ListingEdit(images=(SLOT,)),
        )
        assert edited.image_ids == (*listing.image_ids, added[0].id)
        assert len(world.reader.list_media(listing.id)) == 2

    def test_refuses_a_version_that_is_not_the_one_read(self, world: World) -> None:
        seller = world.shopper()
        listing, _ = world.draft(seller)
        with pytest.raises(ListingChanged):
            edit_listing(
                world.uow(principal=world.principal(seller), expected_version=7),
                listing_id=listing.id,
                edit=ListingEdit(title="x"),
            )

    def test_a_stranger_does_not_see_a_draft(self, world: World) -> None:
        listing, _ = world.draft(world.shopper())
        with pytest.raises(ListingNotFound):
            edit_listing(world.uow(principal=Principal()), listing_id=listing.id, edit=ListingEdit(title="x"))

    def test_the_brand_may_not_write_in_a_sellers_name(self, world: World) -> None:
        listing, _ = world.draft(world.shopper())
        with pytest.raises(Forbidden):
            edit_listing(world.uow(principal=BRAND), listing_id=listing.id, edit=ListingEdit(title="x"))

    def test_refuses_a_foreign_currency_and_writes_nothing(self, world: World) -> None:
        seller = world.shopper()
        listing, _ = world.draft(seller)
        with pytest.raises(PriceRefused):
            edit_listing(
                world.uow(principal=world.principal(seller)),
                listing_id=listing.id,
                edit=ListingEdit(title="x", price=PriceInput(amount=5, currency="JPY")),
            )
        assert world.listing(listing.id) == listing


class TestSubmitListing:
    def test_freezes_the_ready_images(self, world: World) -> None:
        listing = world.pending(world.shopper())
        assert [photo.id for photo in listing.photos] == list(listing.image_ids)
        assert listing.submitted_at == NOW

    def test_waits_for_images_still_awaited(self, world: World) -> None:
        seller = world.shopper()
        listing, slots = world.draft(seller, images=(SLOT, SLOT))
        world.make_ready(slots[0])
        with pytest.raises(ImagesPending):
            submit_listing(world.uow(principal=world.principal(seller)), listing_id=listing.id)

    def test_said_again_it_is_a_no_op(self, world: World) -> None:
        seller = world.shopper()
        listing = world.pending(seller)
        again = submit_listing(world.uow(now=later(9), principal=world.principal(seller)), listing_id=listing.id)
        assert again == listing

    def test_refuses_a_withdrawn_listing(self, world: World) -> None:
        seller = world.shopper()
        listing = world.pending(seller)
        withdraw_listing(world.uow(principal=world.principal(seller)), listing_id=listing.id)
        with pytest.raises(ListingTransitionRefused):
            submit_listing(world.uow(principal=world.principal(seller)), listing_id=listing.id)


class TestModerateListing:
    def test_an_approved_listing_is_on_sale(self, world: World) -> None:
        listing = world.active(world.shopper())
        page = world.reader.list_product_listings(product=listing.product, limit=10, cursor=None)
        assert [document.id for document in page.documents] == [listing.id]

    def test_reasons_are_sealed_and_only_the_seller_reads_them(self, world: World) -> None:
        seller = world.shopper()
        listing = world.pending(seller)
        reasons = ("The second photo is blurred.",)
        moderation = Moderation(decision=Decision.REQUEST_CHANGES, reasons=reasons)
        decided = moderate_listing(world.uow(principal=BRAND), listing_id=listing.id, moderation=moderation)
        assert decided.private is not UNSET
        assert "blurred" not in str(decided)
        view = get_listing(reader=world.reader, principal=world.principal(seller), listing_id=listing.id)
        assert isinstance(view, OwnerListing)
        assert view.reasons == reasons

    def test_the_same_decision_again_is_a_no_op(self, world: World) -> None:
        listing = world.active(world.shopper())
        approve = Moderation(decision=Decision.APPROVE)
        again = moderate_listing(world.uow(now=later(9), principal=BRAND), listing_id=listing.id, moderation=approve)
        assert again.version == listing.version

    def test_refuses_to_approve_what_was_edited_since_it_was_looked_at(self, world: World) -> None:
        seller = world.shopper()
        listing = world.pending(seller)
        edit_listing(
            world.uow(principal=world.principal(seller)),
            listing_id=listing.id,
            edit=ListingEdit(title="Something else"),
        )
        seen = Moderation(decision=Decision.APPROVE, version=listing.version)
        with pytest.raises(ListingChanged):
            moderate_listing(world.uow(principal=BRAND), listing_id=listing.id, moderation=seen)

    def test_a_viewer_may_look_but_not_decide(self, world: World) -> None:
        listing = world.pending(world.shopper())
        with pytest.raises(Forbidden):
            moderate_listing(
                world.uow(principal=Principal(standing=Role.VIEWER)),
                listing_id=listing.id,
                moderation=Moderation(decision=Decision.APPROVE),
            )

    def test_refuses_to_reject_an_active_listing(self, world: World) -> None:
        listing = world.active(world.shopper())
        with pytest.raises(ListingTransitionRefused):
            moderate_listing(
                world.uow(principal=BRAND), listing_id=listing.id, moderation=Moderation(decision=Decision.REJECT)
            )

    @pytest.mark.parametrize("status", ["pending_review", "active", "paused"])
    def test_takes_down_for_good_what_is_or_may_come_on_sale(self, world: World, status: str) -> None:
        seller = world.shopper()
        listing = world.pending(seller) if status == "pending_review" else world.active(seller)
        if status == "paused":
            pause_listing(world.uow(principal=world.principal(seller)), listing_id=listing.id)
        gone = removed(world, listing)
        assert (gone.status, gone.due_at) == (ListingStatus.REMOVED, UNSET)
        assert world.listing(listing.id) == gone == removed(world, listing)
        view = get_listing(reader=world.reader, principal=world.principal(seller), listing_id=listing.id)
        assert isinstance(view, OwnerListing)
        assert view.reasons == ("It is a copy.",)
        with pytest.raises(ListingNotFound):
            get_listing(reader=world.reader, principal=Principal(), listing_id=listing.id)

    def test_takes_nothing_down_that_an_order_holds(self, world: World) -> None:
        listing = world.active(world.shopper())
        order = world.order(world.shopper(), listing)
        with pytest.raises(ListingTransitionRefused):
            removed(world, listing)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        assert removed(world, listing).status == ListingStatus.REMOVED

    def test_takes_nothing_down_without_a_reason(self, world: World) -> None:
        listing = world.active(world.shopper())
        with pytest.raises(Invalid) as refused:
            removed(world, listing, reasons=())
        assert refused.value.errors[0].pointer == "/reasons"
        assert world.listing(listing.id) == listing

    def test_a_viewer_takes_nothing_down(self, world: World) -> None:
        listing = world.active(world.shopper())
        for principal in (Principal(standing=Role.VIEWER), Principal()):
            with pytest.raises(Forbidden):
                removed(world, listing, by=principal)

    def test_of_two_writers_one_loses_and_nothing_is_half_written(self, world: World) -> None:
        listing = world.pending(world.shopper())
        slow = world.uow()
        read = slow.listings.get(listing.id)
        moderate_listing(
            world.uow(principal=BRAND), listing_id=listing.id, moderation=Moderation(decision=Decision.APPROVE)
        )
        slow.listings.save(read, change_type=ChangeType.LISTING_EDITED)
        with pytest.raises(ListingChanged):
            slow.commit()
        assert world.listing(listing.id).status == ListingStatus.ACTIVE


def removed(
    world: World, listing: Listing, *, reasons: tuple[str, ...] = ("It is a copy.",), by: Principal = BRAND
) -> Listing:
    """Take a listing down."""
    removal = Moderation(decision=Decision.REMOVE, reasons=reasons)
    return moderate_listing(world.uow(principal=by), listing_id=listing.id, moderation=removal)


class TestReviewQueue:
    def test_is_oldest_first_over_all_shards(self, world: World) -> None:
        early = NOW - timedelta(days=4000)  # before anything other tests put there
        made = [world.pending(world.shopper(), now=early + timedelta(seconds=n)) for n in range(5)]
        page = world.reader.list_review_queue(limit=5, cursor=None)
        assert [document.id for document in page.documents] == [listing.id for listing in made]

    def test_pages_without_gaps_or_repeats(self, world: World) -> None:
        early = NOW - timedelta(days=4400)
        made = [world.pending(world.shopper(), now=early + timedelta(seconds=n)).id for n in range(7)]
        seen: list[str] = []
        cursor = None
        while len(seen) < 7:
            page = world.reader.list_review_queue(limit=2, cursor=cursor)
            seen += [document.id for document in page.documents]
            cursor = page.next_cursor
        assert seen[:7] == made


class TestWrongTenant:
    def test_a_listing_of_one_tenant_is_not_there_for_another(self, world: World, other_world: World) -> None:
        listing = world.active(world.shopper())
        with pytest.raises(ListingNotFound):
            other_world.listing(listing.id)
        with pytest.raises(ListingNotFound):
            get_listing(reader=other_world.reader, principal=BRAND, listing_id=listing.id)
