"""Past purchases on the real engine: recorded once, claimed never twice, free again when a listing ends unsold."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from apps.core.execution import run_with_attempts
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import (
    Decision,
    Moderation,
    create_listing,
    expire_listing,
    moderate_listing,
    relist_listing,
    submit_listing,
    withdraw_listing,
)
from resale.application.operations.orders import cancel_order
from resale.application.operations.purchases import record_purchase
from resale.application.ports import IdempotencyConflict, UnitOfWork
from resale.application.queries.purchases import get_purchase, list_own_purchases
from resale.domain.access import Principal, Role
from resale.domain.command_context import command_key
from resale.domain.entities import PURCHASE
from resale.domain.ids import PurchaseId
from resale.domain.listings import Listing, ListingStatus, PriceInput, PriceRefused
from resale.domain.orders import OrderStatus
from resale.domain.purchases import (
    Purchase,
    PurchaseChanged,
    PurchaseClaimed,
    PurchaseExhausted,
    PurchaseNotFound,
    PurchaseRequired,
)
from resale.errors import Forbidden, Invalid, Outcome
from tests.operations.partners import Partners
from tests.operations.world import BRAND, Interrupted, World, a_new_listing, a_new_purchase, customer_of, later
from tests.unit.builders import NOW

CROWD = 8
END = NOW + timedelta(days=90)  # of a listing's time on sale


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def purchase(world: World, seller: Shopper) -> Purchase:
    """One unit."""
    return world.bought(seller)


def recorded(world: World, shopper: Shopper, line: str, **fields: Any) -> Purchase:
    return world.bought(shopper, line=line, **fields)


def listed(world: World, seller: Shopper, purchase: Purchase) -> Listing:
    listing, _ = world.draft(seller, purchase_id=purchase.id)
    return listing


def withdrawn(world: World, listing: Listing) -> Listing:
    return withdraw_listing(world.uow(principal=BRAND), listing_id=listing.id)


def claimed(world: World, purchase: Purchase) -> int:
    return world.purchase(purchase.id).claimed_quantity


class TestRecordPurchase:
    def test_is_stored_under_an_id_that_follows_from_its_name(self, world: World, seller: Shopper) -> None:
        made = recorded(world, seller, "a-1", quantity=3)
        assert world.purchase(made.id) == made
        assert (made.version, made.quantity, made.claimable_quantity) == (1, 3, 3)
        assert recorded(world, seller, "a-2").id != made.id

    def test_said_again_it_is_a_no_op(self, world: World, seller: Shopper) -> None:
        made = recorded(world, seller, seller.subject)
        assert world.bought(seller, line=seller.subject, now=later(60)) == made
        assert world.purchase(made.id) == made

    def test_is_said_anew_when_something_changed(self, world: World, seller: Shopper) -> None:
        made = recorded(world, seller, seller.subject)
        again = recorded(world, seller, seller.subject, title="Wax coat", quantity=2, unit_price_paid=None)
        assert (again.id, again.version, again.title, again.quantity) == (made.id, 2, "Wax coat", 2)
        assert again.unit_price_paid is None
        assert world.purchase(made.id) == again

    def test_is_of_the_customer_who_signs_in_later(self, world: World, seller: Shopper) -> None:
        assert world.principal(seller).customer_id is None
        made = recorded(world, seller, seller.subject)
        assert made.customer_id == customer_of(world, seller)
        listing, _ = world.draft(seller)
        assert listing.seller_id == made.customer_id

    def test_is_of_the_customer_who_signed_in_before(self, world: World, seller: Shopper) -> None:
        listing, _ = world.draft(seller)
        assert world.bought(seller).customer_id == listing.seller_id

    def test_keeps_no_name_of_its_customer(self, world: World, seller: Shopper) -> None:
        document = world.reader.find(PURCHASE, world.bought(seller).id)
        assert document is not None
        assert seller.subject.encode() not in document.doc

    def test_cannot_go_below_what_is_claimed(self, world: World, seller: Shopper) -> None:
        purchase = recorded(world, seller, seller.subject, quantity=2)
        listed(world, seller, purchase)
        assert recorded(world, seller, seller.subject, quantity=1).claimable_quantity == 0
        listed(world, seller, recorded(world, seller, seller.subject, quantity=2))
        with pytest.raises(PurchaseClaimed):
            recorded(world, seller, seller.subject, quantity=1)
        assert world.purchase(purchase.id).quantity == 2

    def test_does_not_change_hands_while_it_is_claimed(self, world: World, seller: Shopper) -> None:
        other = world.shopper()
        listing = listed(world, seller, recorded(world, seller, seller.subject))
        with pytest.raises(PurchaseClaimed):
            recorded(world, other, seller.subject)
        assert world.principal(other).customer_id is None
        withdrawn(world, listing)
        assert recorded(world, other, seller.subject).customer_id == customer_of(world, other)

    @pytest.mark.parametrize("role", [Role.PUBLIC, Role.VIEWER, Role.MANAGER])
    def test_is_the_brands_alone(self, world: World, seller: Shopper, role: Role) -> None:
        principal = Principal(standing=role)
        with pytest.raises(Forbidden):
            record_purchase(
                world.uow(principal=principal), source="web", line=seller.subject, new=a_new_purchase(seller)
            )
        assert world.principal(seller).customer_id is None

    def test_is_of_the_past(self, world: World, seller: Shopper) -> None:
        with pytest.raises(Invalid):
            world.bought(seller, purchased_at=NOW + timedelta(days=1))

    def test_two_at_once_make_one_purchase_and_one_customer(self, world: World, seller: Shopper) -> None:
        def record(title: str) -> Purchase:
            return run_with_attempts(
                4 * CROWD, partial(world.uow, principal=BRAND), lambda uow: _record(uow, seller, title=title)
            )

        made = at_once([partial(record, f"Coat {number}") for number in range(CROWD)])
        assert {type(one) for one in made} == {Purchase}
        assert len({(one.id, one.customer_id) for one in made}) == 1
        assert world.purchase(made[0].id).version == CROWD


class TestListOwn:
    def test_is_newest_first_and_pages_without_gaps(self, world: World, seller: Shopper) -> None:
        bought_on = [NOW - timedelta(days=days) for days in (30, 10, 20, 50, 40)]
        made = {on: world.bought(seller, purchased_at=on).id for on in bought_on}
        world.bought(world.shopper())
        principal, seen, cursor = world.principal(seller), list[str](), None
        while True:
            page = list_own_purchases(reader=world.reader, principal=principal, limit=2, cursor=cursor)
            seen += [view.id for view in page.data]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == [made[on] for on in sorted(bought_on, reverse=True)]

    def test_shows_how_many_can_still_be_listed(self, world: World, seller: Shopper) -> None:
        purchase = world.bought(seller, quantity=3)
        listed(world, seller, purchase)
        (view,) = list_own_purchases(reader=world.reader, principal=world.principal(seller), limit=10, cursor=None).data
        assert (view.quantity, view.claimed_quantity, view.claimable_quantity) == (3, 1, 2)

    def test_follows_a_purchase_that_changed_hands(self, world: World, seller: Shopper) -> None:
        other = world.shopper()
        recorded(world, seller, seller.subject)
        made = recorded(world, other, seller.subject, purchased_at=datetime(2026, 1, 1, tzinfo=UTC))
        for shopper, ids in ((seller, []), (other, [made.id])):
            page = list_own_purchases(reader=world.reader, principal=world.principal(shopper), limit=10, cursor=None)
            assert [view.id for view in page.data] == ids

    def test_of_a_stranger_is_empty(self, world: World) -> None:
        assert list_own_purchases(reader=world.reader, principal=Principal(), limit=10, cursor=None).data == ()


class TestClaimUnit:
    def test_is_claimed_with_the_listing(self, world: World, seller: Shopper, purchase: Purchase) -> None:
        listing = listed(world, seller, purchase)
        assert world.listing(listing.id).purchase_id == purchase.id
        stored = world.purchase(purchase.id)
        assert (stored.claimed_quantity, stored.version) == (1, 2)

    def test_a_listing_without_one_claims_nothing(self, world: World, seller: Shopper, purchase: Purchase) -> None:
        listing, _ = world.draft(seller)
        assert listing.purchase_id is UNSET
        assert claimed(world, purchase) == 0

    def test_refuses_when_every_unit_is_claimed(self, world: World, seller: Shopper, purchase: Purchase) -> None:
        listed(world, seller, purchase)
        with pytest.raises(PurchaseExhausted):
            listed(world, seller, purchase)
        assert claimed(world, purchase) == 1

    def test_a_strangers_purchase_is_not_there(self, world: World, purchase: Purchase) -> None:
        with pytest.raises(PurchaseNotFound):
            listed(world, world.shopper(), purchase)
        assert claimed(world, purchase) == 0

    def test_one_that_never_was_is_not_there(self, world: World, seller: Shopper) -> None:
        with pytest.raises(PurchaseNotFound):
            world.draft(seller, purchase_id=PurchaseId("pur_" + "0" * 32))

    def test_a_creation_that_is_refused_claims_nothing(self, world: World, seller: Shopper, purchase: Purchase) -> None:
        with pytest.raises(PriceRefused):
            world.draft(seller, purchase_id=purchase.id, price=PriceInput(amount=1, currency="JPY"))
        assert claimed(world, purchase) == 0

    def test_the_same_key_claims_once(self, world: World, seller: Shopper) -> None:
        purchase = world.bought(seller, quantity=2)
        key = command_key(caller=seller.subject, command="create", client_key="k", body=b"{}")
        new = a_new_listing(purchase_id=purchase.id)
        create_listing(world.uow(key=key), shopper=seller, new=new)
        with pytest.raises(IdempotencyConflict):
            create_listing(world.uow(key=key), shopper=seller, new=new)
        assert claimed(world, purchase) == 1

    def test_the_later_of_two_writers_loses_and_lists_nothing(
        self, world: World, seller: Shopper, purchase: Purchase
    ) -> None:
        late: Any = Interrupted(world.uow(), lambda: listed(world, seller, purchase))
        new = a_new_listing(purchase_id=purchase.id)
        with pytest.raises(PurchaseChanged):
            create_listing(late, shopper=seller, new=new)
        assert len(listings_of(world, purchase)) == claimed(world, purchase) == 1

    def test_of_a_crowd_as_many_win_as_units_were_bought(self, world: World, seller: Shopper) -> None:
        purchase = world.bought(seller, quantity=3)
        new = a_new_listing(purchase_id=purchase.id)

        def create() -> str:
            try:
                run_with_attempts(4 * CROWD, world.uow, create_listing, shopper=seller, new=new)
            except Outcome as outcome:
                return outcome.code
            return "listed"

        assert Counter(at_once([create] * CROWD)) == {"listed": 3, "purchase_exhausted": CROWD - 3}
        assert len(listings_of(world, purchase)) == claimed(world, purchase) == 3

    def test_a_shop_may_take_nothing_else(self, world: World, seller: Shopper, purchase: Purchase) -> None:
        policies = msgspec.structs.replace(world.tenant.policies, purchase_required=True)
        strict = World(world.container, msgspec.structs.replace(world.tenant, policies=policies))
        with pytest.raises(PurchaseRequired) as refused:
            strict.draft(seller)
        assert refused.value.errors[0].pointer == "/purchase_id"
        assert listed(strict, seller, purchase).purchase_id == purchase.id


class TestReleaseUnit:
    @pytest.mark.parametrize("state", ["draft", "pending", "active"])
    def test_a_withdrawn_listing_gives_it_back_once(
        self, world: World, seller: Shopper, purchase: Purchase, state: str
    ) -> None:
        made = getattr(world, state)(seller, purchase_id=purchase.id)
        listing = made[0] if isinstance(made, tuple) else made
        for _ in range(2):
            assert withdrawn(world, listing).status == ListingStatus.WITHDRAWN
            assert claimed(world, purchase) == 0
        listed(world, seller, purchase)
        withdrawn(world, listing)
        assert claimed(world, purchase) == 1

    def test_a_rejected_listing_gives_it_back_once(self, world: World, seller: Shopper, purchase: Purchase) -> None:
        listing = world.pending(seller, purchase_id=purchase.id)
        for _ in range(2):
            decided(world, listing, Decision.REJECT)
            assert claimed(world, purchase) == 0

    def test_a_listing_taken_down_gives_it_back_once(self, world: World, seller: Shopper, purchase: Purchase) -> None:
        listing = world.active(seller, purchase_id=purchase.id)
        remove = Moderation(decision=Decision.REMOVE, reasons=("A copy.",))
        for _ in range(2):
            moderate_listing(world.uow(principal=BRAND), listing_id=listing.id, moderation=remove)
            assert (world.listing(listing.id).status, claimed(world, purchase)) == (ListingStatus.REMOVED, 0)

    @pytest.mark.parametrize("decision", [Decision.APPROVE, Decision.REQUEST_CHANGES])
    def test_a_listing_that_goes_on_keeps_it(
        self, world: World, seller: Shopper, purchase: Purchase, decision: Decision
    ) -> None:
        decided(world, world.pending(seller, purchase_id=purchase.id), decision)
        assert claimed(world, purchase) == 1

    def test_an_expired_listing_gives_it_back_once(self, world: World, seller: Shopper, purchase: Purchase) -> None:
        listing = world.active(seller, purchase_id=purchase.id)
        for _ in range(2):
            assert expired(world, listing).status == ListingStatus.EXPIRED
            assert claimed(world, purchase) == 0
        withdrawn(world, listing)
        assert claimed(world, purchase) == 0

    def test_an_expired_listing_that_is_submitted_again_claims_it_anew(
        self, world: World, seller: Shopper, purchase: Purchase
    ) -> None:
        listing, owner = world.active(seller, purchase_id=purchase.id), world.principal(seller)
        expired(world, listing)
        other = listed(world, seller, purchase)
        with pytest.raises(PurchaseExhausted):
            submit_listing(world.uow(now=END, principal=owner), listing_id=listing.id)
        assert (world.listing(listing.id).status, claimed(world, purchase)) == (ListingStatus.EXPIRED, 1)
        withdrawn(world, other)
        for _ in range(2):
            again = submit_listing(world.uow(now=END, principal=owner), listing_id=listing.id)
            assert (again.status, claimed(world, purchase)) == (ListingStatus.PENDING_REVIEW, 1)

    def test_a_listing_begins_again_only_for_whose_purchase_it_is(self, world: World, seller: Shopper) -> None:
        purchase = recorded(world, seller, seller.subject)
        listing = world.active(seller, purchase_id=purchase.id)
        expired(world, listing)
        recorded(world, world.shopper(), seller.subject)
        with pytest.raises(PurchaseNotFound):
            submit_listing(world.uow(now=END, principal=world.principal(seller)), listing_id=listing.id)

    def test_who_loses_to_a_listing_of_the_same_purchase_releases_nothing(self, world: World, seller: Shopper) -> None:
        purchase = world.bought(seller, quantity=2)
        listing = listed(world, seller, purchase)
        late: Any = Interrupted(world.uow(principal=BRAND), lambda: listed(world, seller, purchase))
        with pytest.raises(PurchaseChanged):
            withdraw_listing(late, listing_id=listing.id)
        assert (world.listing(listing.id).status, claimed(world, purchase)) == (ListingStatus.DRAFT, 2)
        withdrawn(world, listing)
        assert claimed(world, purchase) == 1


class TestASale:
    def test_keeps_the_unit_and_hands_it_to_the_listing_that_sells_it_again(
        self, world: World, seller: Shopper, purchase: Purchase
    ) -> None:
        partners = Partners()
        order = world.run(world.order(world.shopper(), world.active(seller, purchase_id=purchase.id)), partners)
        assert (world.listing(order.listing_id).status, claimed(world, purchase)) == (ListingStatus.SOLD, 1)
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        assert world.run(order, partners).status == OrderStatus.CANCELLED
        owner, made = world.principal(seller), set()
        for _ in range(2):
            again = relist_listing(world.uow(principal=owner), listing_id=order.listing_id)
            made.add(again.id)
            assert (again.purchase_id, claimed(world, purchase)) == (purchase.id, 1)
        assert len(made) == 1
        with pytest.raises(PurchaseExhausted):
            listed(world, seller, purchase)
        withdrawn(world, again)
        assert claimed(world, purchase) == 0
        relist_listing(world.uow(principal=owner), listing_id=order.listing_id)
        assert claimed(world, purchase) == 0

    def test_that_comes_to_nothing_keeps_the_unit_with_its_listing(
        self, world: World, seller: Shopper, purchase: Purchase
    ) -> None:
        order = world.order(world.shopper(), world.active(seller, purchase_id=purchase.id))
        cancel_order(world.uow(principal=BRAND), order_id=order.id)
        listing = world.listing(order.listing_id)
        assert (listing.status, claimed(world, purchase)) == (ListingStatus.ACTIVE, 1)
        withdrawn(world, listing)
        assert claimed(world, purchase) == 0


class TestWrongTenant:
    def test_a_purchase_of_one_tenant_is_not_there_for_another(
        self, other_world: World, seller: Shopper, purchase: Purchase
    ) -> None:
        with pytest.raises(PurchaseNotFound):
            get_purchase(reader=other_world.reader, principal=BRAND, purchase_id=purchase.id)
        price = PriceInput(amount=50, currency=other_world.tenant.currency)
        with pytest.raises(PurchaseNotFound):
            other_world.draft(seller, purchase_id=purchase.id, price=price)

    def test_the_same_line_at_another_tenant_is_another_purchase(
        self, world: World, other_world: World, seller: Shopper
    ) -> None:
        here, there = recorded(world, seller, "1001-1"), recorded(other_world, seller, "1001-1")
        assert here.id != there.id


def expired(world: World, listing: Listing) -> Listing:
    return expire_listing(world.uow(now=END), listing_id=listing.id)


def decided(world: World, listing: Listing, decision: Decision) -> Listing:
    return moderate_listing(world.uow(principal=BRAND), listing_id=listing.id, moderation=Moderation(decision=decision))


def listings_of(world: World, purchase: Purchase) -> list[str]:
    page = world.reader.list_seller_listings(seller_id=purchase.customer_id, limit=100, cursor=None)
    return [document.id for document in page.documents if purchase.id.encode() in document.doc]


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Make all calls together, each on its own thread, none before all are ready."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def _record(uow: UnitOfWork, seller: Shopper, **fields: object) -> Purchase:
    new = a_new_purchase(seller, **fields)
    return record_purchase(uow, source="web", line=seller.subject, new=new)
