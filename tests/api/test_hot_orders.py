"""Very many who order one listing wait in line, keep their place by a ticket, and hear at once when it is sold."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec
import pytest
from django.conf import settings

from apps.core.hot_listings.line import ATTEMPTS_AT_ONCE, GRACE_SECONDS
from apps.core.hot_listings.process import ATTEMPTS_HOT_PER_SECOND, HotListings, get_hot_listings, set_hot_listings
from apps.core.hot_listings.tickets import TICKET_CHARS, TICKET_SECONDS, Tickets
from resale.application.operations.customers import Shopper
from resale.domain.listings import Listing, PriceInput
from resale.domain.usage import Meter
from tests.fixtures.consumption import Units
from tests.fixtures.shares import Hand
from tests.fixtures.storefront import Front, Response
from tests.operations.world import World

DOLLARS = PriceInput(amount=12_000, currency="USD")  # the other shop's
NEW_YORK = {
    "name": "Robin Okafor",
    "line1": "1 Test Street",
    "city": "New York",
    "region": "NY",
    "postal_code": "10001",
    "country": "US",
}


class Drop:
    """A listing that everybody orders, in this process."""

    def __init__(self, front: Front, listing: Listing, seller: Shopper) -> None:
        self.front, self.listing, self.seller = front, listing, seller
        self.key = (front.shop.tenant.id, listing.id)

    def heat(self) -> None:
        """Have as many attempts counted as make it hot."""
        for _ in range(ATTEMPTS_HOT_PER_SECOND):
            get_hot_listings().count_attempt(self.front.shop.tenant, self.listing.id)

    @contextmanager
    def crowd(self, count: int = ATTEMPTS_AT_ONCE) -> Iterator[None]:
        """Have attempts of others run for the length of a block."""
        line, others = get_hot_listings().line, [f"other-{number}" for number in range(count)]
        self.heat()
        for other in others:
            assert line.enter(self.key, other, arrived_ms=0, now_ms=0, is_hot=True).position == 0
        yield
        for other in others:
            line.leave(self.key, other)

    def order(self, buyer: Shopper, ticket: str | None = None, **options: Any) -> Response:
        return self.front.buy(self.listing, by=buyer, ticket=ticket, **options)

    def wait(self, buyer: Shopper) -> str:
        """Take a place in the line; return the ticket."""
        refused = self.order(buyer)
        assert refused.code == "429 waiting_line"
        return str(refused.json["ticket"])


@pytest.fixture
def drop(front: Front, hot_hand: Hand) -> Drop:  # noqa: ARG001 - the clock, from before the first attempt
    seller = front.shopper()
    return Drop(front, front.world.active(seller), seller)


class TestLine:
    def test_tells_place_and_time_and_has_no_effect(self, drop: Drop) -> None:
        first, second = drop.front.shopper(), drop.front.shopper()
        with drop.crowd():
            told = [drop.order(buyer) for buyer in (first, second, first)]
        assert {one.code for one in told} == {"429 waiting_line"}
        assert [one.json["position"] for one in told] == [1, 2, 1]
        assert [one.headers["Retry-After"] for one in told] == ["1"] * 3
        assert told[0].headers["RateLimit-Policy"] == '"waiting-line";q=2;qu="concurrent-requests"'
        assert drop.front.get("/v1/orders", by=first).json["data"] == []

    def test_the_same_key_orders_in_its_turn(self, drop: Drop) -> None:
        buyer, key = drop.front.shopper(), uuid.uuid4().hex
        with drop.crowd():
            ticket = drop.order(buyer, key=key).json["ticket"]
        made = drop.order(buyer, ticket, key=key)
        assert (made.status, made.headers.get("Idempotent-Replayed")) == (202, None)
        again = drop.order(buyer, ticket, key=key)
        assert (again.status, again.headers["Idempotent-Replayed"]) == (202, "true")
        assert again.json["id"] == made.json["id"]

    def test_who_came_first_is_let_in_first(self, drop: Drop) -> None:
        first, second, newcomer = (drop.front.shopper() for _ in range(3))
        with drop.crowd():
            tickets = [drop.wait(buyer) for buyer in (first, second)]
        with drop.crowd(1):
            assert drop.order(newcomer).json["position"] == 3
            assert drop.order(second, tickets[1]).json["position"] == 2
            assert drop.order(first, tickets[0]).status == 202

    def test_a_ticket_is_good_in_another_process(self, drop: Drop, hot_hand: Hand) -> None:
        first, second = drop.front.shopper(), drop.front.shopper()
        with drop.crowd():
            ticket = drop.wait(first)
        set_hot_listings(HotListings(clock=hot_hand))
        with drop.crowd():
            drop.wait(second)
            assert drop.order(first, ticket).json["position"] == 1
            assert drop.order(second).json["position"] == 2

    def test_who_stays_away_holds_up_nobody(self, drop: Drop, hot_hand: Hand) -> None:
        with drop.crowd():
            drop.wait(drop.front.shopper())
            drop.wait(drop.front.shopper())
        drop.heat()
        hot_hand.forward(1 + GRACE_SECONDS)
        assert drop.order(drop.front.shopper()).status == 202

    def test_an_attempt_that_fails_leaves_its_place(self, drop: Drop) -> None:
        drop.heat()
        for _ in range(2 * ATTEMPTS_AT_ONCE):
            refused = drop.order(drop.front.shopper(), expected_total={"amount": 1, "currency": "GBP"})
            assert refused.code == "409 price_changed"
        assert drop.order(drop.front.shopper()).status == 202

    def test_another_listing_and_another_shop_have_none(self, drop: Drop, other_front: Front) -> None:
        other = drop.front.world.active(drop.seller)
        theirs = other_front.world.active(other_front.shopper(), price=DOLLARS)
        with drop.crowd():
            assert drop.front.buy(other, by=drop.front.shopper()).status == 202
            assert other_front.buy(theirs, by=other_front.shopper(), shipping_address=NEW_YORK).status == 202

    def test_few_orders_have_none(self, drop: Drop) -> None:
        line = get_hot_listings().line
        for number in range(2 * ATTEMPTS_AT_ONCE):
            line.enter(drop.key, f"other-{number}", arrived_ms=0, now_ms=0, is_hot=False)
        assert drop.order(drop.front.shopper()).status == 202

    def test_a_page_of_the_shop_can_send_the_ticket(self, drop: Drop) -> None:
        headers = {
            "Origin": drop.front.shop.tenant.allowed_origins[0],
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "waiting-line-ticket",
        }
        allowed = drop.front.ask("OPTIONS", "/v1/orders", headers=headers).headers["access-control-allow-headers"]
        assert "waiting-line-ticket" in allowed.split(", ")


class TestTicket:
    @pytest.mark.parametrize("is_hot", [True, False])
    def test_of_another_buyer_listing_or_shop_is_refused(self, drop: Drop, other_front: Front, is_hot: bool) -> None:  # noqa: FBT001 - pytest's
        owner = drop.front.shopper()
        with drop.crowd():
            ticket = drop.wait(owner)
        if is_hot:
            drop.heat()
        other = drop.front.world.active(drop.seller)
        theirs = other_front.world.active(other_front.shopper(), price=DOLLARS)
        stolen = drop.order(drop.front.shopper(), ticket)
        moved = drop.front.buy(other, by=owner, ticket=ticket)
        foreign = other_front.buy(theirs, by=other_front.shopper(), ticket=ticket)
        forged = drop.order(owner, "A" * len(ticket))
        assert {one.code for one in (stolen, moved, foreign, forged)} == {"422 waiting_ticket_invalid"}
        assert drop.order(owner, ticket).status == 202

    def test_that_has_expired_brings_no_place(self, drop: Drop) -> None:
        waiting, buyer = drop.front.shopper(), drop.front.shopper()
        earlier = Tickets(settings.RESALE.cursor_secret, clock=lambda: time.time() - TICKET_SECONDS)
        ticket = earlier.issue((*drop.key, buyer.issuer, buyer.subject), arrived_ms=1)
        with drop.crowd():
            drop.wait(waiting)
            assert drop.order(buyer, ticket).json["position"] == 2


class TestRepetition:
    def test_of_an_order_that_was_made_is_no_new_attempt(self, drop: Drop) -> None:
        buyer, key = drop.front.shopper(), uuid.uuid4().hex
        made = drop.order(buyer, key=key)
        drop.front.post(made.headers["Location"] + "/cancel", by=buyer)  # so that the listing is on sale again
        with drop.crowd():
            others = [drop.order(buyer, ticket, key=key) for ticket in (None, "A" * TICKET_CHARS)]
            assert drop.order(buyer).code == "429 waiting_line"
        assert [(one.status, one.json["id"]) for one in others] == [(202, made.json["id"])] * 2


class TestSold:
    def test_everybody_hears_it_at_the_price_of_one_read(self, drop: Drop, units: Units) -> None:
        drop.heat()
        assert drop.order(drop.front.shopper()).status == 202
        units.take()
        told = [drop.order(drop.front.shopper()) for _ in range(20)]
        assert {one.code for one in told} == {"409 listing_not_for_sale"}
        consumed = units.take()
        assert consumed[Meter.WRITE_UNITS] == 0
        assert consumed[Meter.READ_UNITS] == 20 + 1  # each looks for its own Idempotency-Key; one reads the listing

    def test_also_those_in_the_line(self, drop: Drop) -> None:
        waiting = drop.front.shopper()
        with drop.crowd():
            ticket = drop.wait(waiting)
        assert drop.front.world.order(drop.front.world.shopper(), drop.listing).status == "submitted"
        assert drop.order(waiting, ticket).code == "409 listing_not_for_sale"

    def test_by_another_process_is_read_once_an_attempt_met_it(
        self, drop: Drop, elsewhere: World, units: Units
    ) -> None:
        drop.heat()
        assert drop.order(drop.seller).code == "403 own_listing"  # fills the copy
        elsewhere.order(elsewhere.shopper(), drop.listing)
        assert drop.order(drop.front.shopper()).code == "409 listing_not_for_sale"  # from the table
        units.take()
        assert {drop.order(drop.front.shopper()).code for _ in range(5)} == {"409 listing_not_for_sale"}
        assert units.take()[Meter.READ_UNITS] == 5 + 1

    def test_a_listing_that_is_hidden_is_not_found(self, drop: Drop, units: Units) -> None:
        drop.heat()
        tag = drop.front.get(f"/v1/listings/{drop.listing.id}", by=drop.seller).headers["ETag"]
        path = f"/v1/listings/{drop.listing.id}"
        edited = drop.front.patch(path, {"title": "Long"}, by=drop.seller, headers={"If-Match": tag})
        assert edited.status == 200
        assert drop.order(drop.front.shopper()).code == "404 listing_not_found"
        units.take()
        assert {drop.order(drop.front.shopper()).code for _ in range(5)} == {"404 listing_not_found"}
        assert units.take()[Meter.READ_UNITS] == 5 * 2  # each one's own: whether they are the seller, and their key
        assert drop.order(drop.seller).code == "403 own_listing"


class TestMetric:
    def test_counts_by_shop_and_outcome(self, drop: Drop, hot_hand: Hand, caplog: pytest.LogCaptureFixture) -> None:
        buyer = drop.front.shopper()
        with drop.crowd():
            ticket = drop.wait(buyer)
        assert drop.order(buyer, ticket).status == 202
        drop.order(drop.front.shopper())
        hot_hand.forward(10)
        with caplog.at_level("INFO", "resale.metrics"):
            drop.heat()
        emitted = [cast("msgspec.Raw", one.msg) for one in caplog.records if one.name == "resale.metrics"]
        lines = [line for line in map(msgspec.json.decode, emitted) if "HotListingRequests" in line]
        found = {line["reason"]: line["HotListingRequests"] for line in lines}
        assert found == {"attempt": 1 + 3 + 1, "waiting": 1, "not_for_sale": 1}
        assert all(set(line) == {"_aws", "tenant", "reason", "HotListingRequests"} for line in lines)
