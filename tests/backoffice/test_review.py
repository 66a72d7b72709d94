"""Review: the queue, one listing, and what staff decide, through the same operations as the API."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from apps.backoffice.forms import REASONS
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import (
    Decision,
    Moderation,
    edit_listing,
    expire_listing,
    moderate_listing,
    pause_listing,
)
from resale.domain.access import Role
from resale.domain.actors import ActorKind
from resale.domain.listings import Listing, ListingEdit, ListingStatus
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.operations.world import BRAND, customer_of
from tests.unit.builders import NOW

NOTE = "The lining is not shown."
RETURN = {"reasons": ["0"], "note": NOTE}
#: What staff send, what the API is sent, and where the listing is then.
DECISIONS: list[tuple[str, dict[str, Any], ListingStatus]] = [
    ("approve", {}, ListingStatus.ACTIVE),
    ("reject", {"decision": "reject", **RETURN}, ListingStatus.REJECTED),
    ("request_changes", {"decision": "request_changes", **RETURN}, ListingStatus.CHANGES_REQUESTED),
]


def decide(client: StaffClient, listing: Listing, decision: str, body: dict[str, Any], **changes: Any) -> Any:
    name = "listing-approve" if decision == "approve" else "listing-return"
    return client.post(name, {**body, "version": listing.version, **changes}, listing_id=listing.id)


class TestQueue:
    def test_shows_who_waits_longest_first_with_a_photo(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        long_ago = NOW - timedelta(days=3650)
        seller = backoffice.front.shopper()
        titles = ("Aaa the oldest", "Bbb the second")
        for day, title in enumerate(titles):
            backoffice.front.world.pending(seller, now=long_ago + timedelta(days=day), title=title)
        page = viewer.get("listings")
        assert page.text.index(titles[0]) < page.text.index(titles[1])
        assert f"{backoffice.front.shop.tenant.resources.media_base_url}/renditions/{'a' * 64}.webp" in page.html
        overview = viewer.get("index")
        assert overview.text.index(titles[0]) < overview.text.index(titles[1])

    def test_goes_on_where_the_page_ended(
        self, backoffice: Backoffice, viewer: StaffClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.backoffice.listings._LIMIT", 1)
        backoffice.pending()
        backoffice.pending()
        first = viewer.get("listings")
        link = first.html.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
        second = viewer.get("listings", query=link)
        assert second.status == 200
        assert _listing_ids(first.html).isdisjoint(_listing_ids(second.html))

    def test_a_foreign_cursor_starts_it_again(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        backoffice.pending()
        assert viewer.get("listings", query="?cursor=made-up").location == reverse("admin:listings")

    def test_lists_what_is_on_sale_and_what_a_seller_has(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        seller = backoffice.front.shopper()
        later = NOW + timedelta(days=3650)
        active = backoffice.front.world.active(seller, now=later, title="Newest on sale")
        assert active.title in viewer.get("listings", query="?show=on_sale").text
        seller_id = customer_of(backoffice.front.world, seller)
        assert active.title in viewer.get("listings", query=f"?seller={seller_id}").text

    @pytest.mark.parametrize("state", ["paused", "expired", "removed"])
    def test_lists_what_is_off_sale_by_its_state(self, backoffice: Backoffice, viewer: StaffClient, state: str) -> None:
        world = backoffice.front.world
        listing = world.active(backoffice.front.shopper(), title=f"Just {state}")
        elsewhere = {"paused", "expired", "removed", "on_sale"} - {state}
        assert listing.title not in viewer.get("listings", query=f"?show={state}").text
        put_off_sale(backoffice, listing, state)
        assert listing.title in viewer.get("listings", query=f"?show={state}").text
        for other in elsewhere:
            assert listing.title not in viewer.get("listings", query=f"?show={other}").text
        assert listing.title not in viewer.get("listings").text

    def test_goes_on_where_the_page_of_a_state_ended(
        self, backoffice: Backoffice, viewer: StaffClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.backoffice.listings._LIMIT", 1)
        for title in ("Older", "Newer"):
            put_off_sale(backoffice, backoffice.front.world.active(backoffice.front.shopper(), title=title), "paused")
        first = viewer.get("listings", query="?show=paused")
        link = first.html.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
        second = viewer.get("listings", query=link)
        assert _listing_ids(first.html).isdisjoint(_listing_ids(second.html))
        assert 'show=paused" aria-current="page"' in second.html


class TestDecisions:
    @pytest.mark.parametrize(("decision", "body", "status"), DECISIONS)
    def test_end_in_the_same_history_as_the_apis(
        self, backoffice: Backoffice, moderator: StaffClient, decision: str, body: dict[str, Any], status: ListingStatus
    ) -> None:
        by_staff, by_api = backoffice.pending(), backoffice.pending()
        answer = decide(moderator, by_staff, decision, body)
        assert answer.status == 200
        reasons = [REASONS[0], NOTE] if body else []
        said = {"decision": decision, "reasons": reasons, "version": by_api.version}
        backoffice.front.post(f"/v1/listings/{by_api.id}/moderation", said, brand=True)
        rows = [backoffice.record(by_staff.id), backoffice.record(by_api.id)]
        assert rows[0].change.type == rows[1].change.type
        assert rows[0].version == rows[1].version == by_staff.version + 1
        assert rows[0].change.actor.kind == ActorKind.STAFF
        assert rows[0].change.actor.id == moderator.user.staff_id
        assert [backoffice.front.world.listing(one.id).status for one in (by_staff, by_api)] == [status, status]

    def test_tell_the_seller_why(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        seller = backoffice.front.shopper()
        listing = backoffice.front.world.pending(seller)
        decide(moderator, listing, "reject", {"decision": "reject", **RETURN})
        told = backoffice.front.get(f"/v1/listings/{listing.id}", by=seller).json["reasons"]
        assert told == [REASONS[0], NOTE]
        assert NOTE in moderator.get("listing", listing_id=listing.id).text

    @pytest.mark.parametrize(("decision", "body", "status"), DECISIONS)
    def test_sent_twice_are_made_once(
        self, backoffice: Backoffice, moderator: StaffClient, decision: str, body: dict[str, Any], status: ListingStatus
    ) -> None:
        listing = backoffice.pending()
        for _ in range(2):
            assert decide(moderator, listing, decision, body).status == 200
        stored = backoffice.front.world.listing(listing.id)
        assert (stored.status, stored.version) == (status, listing.version + 1)

    @pytest.mark.parametrize(("decision", "body", "_status"), DECISIONS)
    def test_are_not_made_on_what_was_edited_since(
        self,
        backoffice: Backoffice,
        moderator: StaffClient,
        decision: str,
        body: dict[str, Any],
        _status: ListingStatus,
    ) -> None:
        seller = backoffice.front.shopper()
        listing = backoffice.front.world.pending(seller)
        edit(backoffice, seller, listing)
        page = decide(moderator, listing, decision, body)
        assert "was changed meanwhile" in page.text
        assert "Other title" in page.text  # back at the listing, as it is now
        assert backoffice.front.world.listing(listing.id).status == ListingStatus.PENDING_REVIEW

    def test_on_what_is_decided_are_refused_in_words(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        listing = backoffice.pending()
        decide(moderator, listing, "approve", {})
        page = decide(moderator, listing, "reject", {"decision": "reject", **RETURN})
        assert "does not allow this" in page.text
        assert backoffice.front.world.listing(listing.id).status == ListingStatus.ACTIVE

    @pytest.mark.parametrize("body", [{}, {"reasons": []}, {"note": "   "}, {"note": "x" * 501}, {"reasons": ["99"]}])
    def test_against_a_listing_need_a_reason(
        self, backoffice: Backoffice, moderator: StaffClient, body: dict[str, Any]
    ) -> None:
        listing = backoffice.pending()
        page = decide(moderator, listing, "reject", {"decision": "reject", **body})
        assert page.status == 422
        assert 'role="alert"' in page.html
        assert backoffice.front.world.listing(listing.id).version == listing.version

    def test_need_the_version_looked_at(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        listing = backoffice.pending()
        assert "not complete" in decide(moderator, listing, "approve", {}, version="").text
        assert backoffice.front.world.listing(listing.id).version == listing.version

    def test_a_viewer_makes_none(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        listing = backoffice.pending()
        page = viewer.get("listing", listing_id=listing.id)
        assert "Approve" not in page.text
        for decision, body, _ in DECISIONS:
            assert "role does not allow" in decide(viewer, listing, decision, body).text
        assert backoffice.front.world.listing(listing.id).version == listing.version


class TestPurchase:
    def test_shows_what_the_seller_bought(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        seller = backoffice.front.shopper()
        purchase = backoffice.front.world.bought(seller, line="1001-7", quantity=3, title="Bought coat")
        listing = backoffice.front.world.pending(seller, product=purchase.product, purchase_id=purchase.id)
        text = viewer.get("listing", listing_id=listing.id).text
        assert "Past purchase Item Bought coat Product jacket-01 Bought 17 Oct 2025" in text
        assert "Paid £249.00 Units 1 of 3 listed or sold Order line web 1001-7" in text

    def test_says_when_it_is_of_something_else(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        seller = backoffice.front.shopper()
        listing = backoffice.front.world.pending(seller, purchase_id=backoffice.front.world.bought(seller).id)
        assert "jacket-01, not the listing's" in viewer.get("listing", listing_id=listing.id).text

    def test_of_a_listing_without_one_is_not_spoken_of(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        assert "Past purchase" not in viewer.get("listing", listing_id=backoffice.pending().id).text


class TestWithdrawal:
    def test_is_the_managers(
        self, backoffice: Backoffice, moderator: StaffClient, viewer: StaffClient, manager: StaffClient
    ) -> None:
        listing = backoffice.pending()
        body = {"version": listing.version}
        for client in (viewer, moderator):
            assert "Withdraw" not in client.get("listing", listing_id=listing.id).text
            assert "role does not allow" in client.post("listing-withdraw", body, listing_id=listing.id).text
        assert "Withdraw" in manager.get("listing", listing_id=listing.id).text
        for _ in range(2):
            assert "is withdrawn" in manager.post("listing-withdraw", body, listing_id=listing.id).text
        stored = backoffice.front.world.listing(listing.id)
        assert (stored.status, stored.version) == (ListingStatus.WITHDRAWN, listing.version + 1)

    def test_of_what_was_edited_since_is_not_made(self, backoffice: Backoffice, manager: StaffClient) -> None:
        seller = backoffice.front.shopper()
        listing = backoffice.front.world.pending(seller)
        edit(backoffice, seller, listing)
        page = manager.post("listing-withdraw", {"version": listing.version}, listing_id=listing.id)
        assert "was changed meanwhile" in page.text


class TestPause:
    def test_is_moderators_and_managers_and_ends_by_either(
        self, backoffice: Backoffice, moderator: StaffClient, viewer: StaffClient, manager: StaffClient
    ) -> None:
        listing = backoffice.front.world.active(backoffice.front.shopper())
        body = {"version": listing.version}
        assert "Pause" not in viewer.get("listing", listing_id=listing.id).text
        assert "role does not allow" in viewer.post("listing-pause", body, listing_id=listing.id).text
        assert "Pause" in moderator.get("listing", listing_id=listing.id).text
        page = moderator.post("listing-pause", body, listing_id=listing.id)
        assert "is paused" in page.text
        assert "Put on sale again" in page.text
        assert backoffice.front.world.listing(listing.id).status == ListingStatus.PAUSED
        body = {"version": listing.version + 1}
        assert "is on sale again" in manager.post("listing-resume", body, listing_id=listing.id).text
        assert backoffice.front.world.listing(listing.id).status == ListingStatus.ACTIVE

    def test_of_what_an_order_holds_is_refused_in_words(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        world = backoffice.front.world
        listing = world.active(backoffice.front.shopper())
        world.order(backoffice.front.shopper(), listing)
        assert "Pause" not in moderator.get("listing", listing_id=listing.id).text
        page = moderator.post("listing-pause", {"version": listing.version + 1}, listing_id=listing.id)
        assert "does not allow this" in page.text


class TestRemoval:
    def test_tells_the_seller_why_and_is_for_good(
        self, backoffice: Backoffice, moderator: StaffClient, viewer: StaffClient
    ) -> None:
        seller = backoffice.front.shopper()
        listing = backoffice.front.world.active(seller)
        body = {**RETURN, "version": listing.version}
        assert "Remove this listing" not in viewer.get("listing", listing_id=listing.id).text
        assert "role does not allow" in viewer.post("listing-remove", body, listing_id=listing.id).text
        assert "Remove this listing" in moderator.get("listing", listing_id=listing.id).text
        assert "is removed" in moderator.post("listing-remove", body, listing_id=listing.id).text
        stored = backoffice.front.world.listing(listing.id)
        assert (stored.status, stored.version) == (ListingStatus.REMOVED, listing.version + 1)
        assert backoffice.front.get(f"/v1/listings/{listing.id}", by=seller).json["reasons"] == [REASONS[0], NOTE]
        page = moderator.get("listing", listing_id=listing.id)
        assert "Removed" in page.text
        assert "Remove this listing" not in page.text

    def test_needs_a_reason(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        listing = backoffice.front.world.active(backoffice.front.shopper())
        page = moderator.post("listing-remove", {"version": listing.version}, listing_id=listing.id)
        assert page.status == 422
        assert "Give the seller a reason" in page.text
        assert backoffice.front.world.listing(listing.id).version == listing.version

    def test_of_what_waits_is_a_rejection(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        listing = backoffice.pending()
        assert "Remove this listing" not in moderator.get("listing", listing_id=listing.id).text


class TestListing:
    def test_shows_what_its_seller_wrote_as_text(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        listing = backoffice.pending(title="<b>Bold</b>", description="<script>alert(1)</script>")
        page = viewer.get("listing", listing_id=listing.id)
        assert "<b>Bold</b>" not in page.html
        assert "<script>alert(1)</script>" not in page.html
        assert "£120.00" in page.text

    def test_tells_its_history_and_that_it_holds(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        listing, slots = backoffice.front.world.draft(backoffice.front.shopper())
        backoffice.record(listing.id)
        backoffice.front.world.make_ready(slots[0])
        behind = moderator.get("listing", listing_id=listing.id)
        assert "1 Created Draft Shopper" in behind.text
        assert "Complete and unedited" in behind.text
        page = backoffice.add_staff(Role.MANAGER).post("listing-withdraw", {"version": 1}, listing_id=listing.id)
        assert "1 newest version still being recorded" in page.text
        backoffice.record(listing.id)
        page = moderator.get("listing", listing_id=listing.id)
        assert "2 Withdrawn Draft → Withdrawn Staff · manager@northwind.example" in page.text
        assert page.html.count("Hash checked:") == 2

    def test_tells_a_gap_in_its_history(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        listing = backoffice.pending()
        backoffice.record(listing.id)  # version 2 alone
        assert "1 version of it missing or changed" in moderator.get("listing", listing_id=listing.id).text

    @pytest.mark.parametrize("text", ["x", "lst_1", "lst_" + "G" * 32, "ord_" + "0" * 32])
    def test_what_is_no_listing_is_not_there(self, viewer: StaffClient, text: str) -> None:
        assert viewer.get("listing", listing_id=text).status == 404


class TestSearch:
    def test_an_id_leads_to_what_it_names(self, viewer: StaffClient) -> None:
        for prefix, path in (("lst", "listings"), ("ord", "orders"), ("clm", "claims"), ("pyt", "money/payouts")):
            found = viewer.get("search", query=f"?q=%20{prefix}_{'1' * 32}%20")
            assert found.location == f"/admin/{path}/{prefix}_{'1' * 32}/"
        assert viewer.get("search", query=f"?q=cus_{'1' * 32}").location.endswith(f"?seller=cus_{'1' * 32}")

    @pytest.mark.parametrize("text", ["jacket", "lst_1", "ord_../../health", "ref_" + "1" * 32])
    def test_anything_else_is_explained(self, viewer: StaffClient, text: str) -> None:
        assert viewer.get("search", query=f"?q={text}").location == reverse("admin:index")
        assert "complete id" in viewer.get("index").text


def put_off_sale(backoffice: Backoffice, listing: Listing, state: str) -> None:
    world, at = backoffice.front.world, listing.due_at
    assert isinstance(at, datetime)
    if state == "expired":
        expire_listing(world.uow(now=at), listing_id=listing.id)
    elif state == "paused":
        pause_listing(world.uow(now=at, principal=BRAND), listing_id=listing.id)
    else:
        removal = Moderation(decision=Decision.REMOVE, reasons=(NOTE,))
        moderate_listing(world.uow(now=at, principal=BRAND), listing_id=listing.id, moderation=removal)


def edit(backoffice: Backoffice, seller: Shopper, listing: Listing) -> None:
    world = backoffice.front.world
    edit_listing(
        world.uow(principal=world.principal(seller)), listing_id=listing.id, edit=ListingEdit(title="Other title")
    )


def _listing_ids(html: str) -> set[str]:
    return {part.partition("/")[0] for part in html.split("/admin/listings/lst_")[1:]}
