"""Sales of one shop from the listing to the end of the order, through the public API: in every way that one can go."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from tests.e2e.machine import eventually
from tests.e2e.shops import Picture, Shop, Shopper, insist, seen
from tests.fixtures.pictures import jpeg, scene

SOON_SECONDS: Final = 420.0
BATCH: Final = 200
_LISTERS: Final = 3
_SELLERS: Final = 12
_BOARD_SECONDS: Final = 1.0  # how old what is known of the orders may be: they are asked for by the page
_PAUSE: Final = 0.5  # between two looks of somebody who waits
_SHIP_FROM: Final = {
    "name": "Juniper Q",
    "line1": "3 Kiln Row",
    "city": "Hebden Bridge",
    "postal_code": "HX7 6AA",
    "country": "GB",
}


@dataclass(frozen=True)
class Course:
    """How one order goes: its token, what is done to it, and where it ends."""

    name: str
    token: str
    ends_as: str
    acts: tuple[str, ...] = ()


_RECEIVED: Final = ("scan", "deliver", "receive")
#: Turn by turn; all ways money can go, most of them with a response that is lost or a partner that fails.
COURSES: Final = (
    Course("sold", "tok_ok", "completed", _RECEIVED),
    Course("sold, an authorisation's response lost", "tok_timeout", "completed", _RECEIVED),
    Course("sold, a capture's response lost", "tok_capture_timeout", "completed", _RECEIVED),
    Course("sold, the provider failing at first", "tok_error", "completed", _RECEIVED),
    Course("declined", "tok_declined", "cancelled"),
    Course("cancelled before it was shipped", "tok_ok", "cancelled", ("cancel",)),
    Course("claimed and sent back", "tok_ok", "refunded", ("scan", "deliver", "claim", "return")),
    Course("claimed and denied", "tok_ok", "completed", ("scan", "deliver", "claim", "deny")),
    Course("refunded in part afterwards", "tok_refund_timeout", "completed", (*_RECEIVED, "refund_part")),
    Course("refunded whole afterwards, the provider failing", "tok_refund_error", "refunded", (*_RECEIVED, "refund")),
)


@dataclass
class Sale:
    """One order under way."""

    course: Course
    seller: Shopper
    buyer: Shopper
    order_id: str


class Board:
    """Where orders stand, read by the page and at most once a second, for all who wait."""

    def __init__(self, read: Callable[[], Iterator[dict[str, Any]]]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        self._at = -_BOARD_SECONDS

    def status(self, order_id: str) -> str:
        """Say where an order stands, or stood a second ago."""
        with self._lock:
            if time.monotonic() - self._at >= _BOARD_SECONDS:
                newest = islice(self._read(), BATCH + _SELLERS)
                self._known |= {order["id"]: order["status"] for order in newest}
                self._at = time.monotonic()
            return self._known.get(order_id, "")


class Sales:
    """The shop's sellers and buyers."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._picture = Picture(jpeg(scene(64, 48)))
        self._board = Board(lambda: self.every("/v1/orders"))
        self.sellers = [self._seller() for _ in range(_SELLERS)]

    # ------------------------------------------------------------ selling
    def put_on_sale(self, count: int) -> list[tuple[Shopper, str]]:
        """Put so many items on sale; return each with its seller."""
        shares = Counter(self.sellers[number % _SELLERS].name for number in range(count))
        by_name = {seller.name: seller for seller in self.sellers}
        with ThreadPoolExecutor(_LISTERS) as sellers:
            listed = sellers.map(
                lambda share: (by_name[share[0]], self.shop.on_sale(by_name[share[0]], self._picture, count=share[1])),
                shares.items(),
            )
            return [(seller, listing_id) for seller, listings in listed for listing_id in listings]

    def list_one(self, number: int) -> tuple[Shopper, str]:
        """Put one item on sale, by the seller whose turn it is."""
        seller = self.sellers[number % _SELLERS]
        (listing_id,) = self.shop.on_sale(seller, self._picture, count=1)
        return seller, listing_id

    # ------------------------------------------------------------ buying
    def run(self, number: int, listed: tuple[Shopper, str]) -> Sale:
        """Order an item, and do what its course has."""
        sale = self.submit(number, listed)
        self.follow(sale)
        return sale

    def submit(self, number: int, listed: tuple[Shopper, str]) -> Sale:
        """Order an item; the number says how the sale will go."""
        course, (seller, listing_id) = COURSES[number % len(COURSES)], listed
        buyer = self.shop.shopper()
        return Sale(course, seller, buyer, self.shop.buy(buyer, listing_id, course.token))

    def follow(self, sale: Sale) -> None:
        """Do what the course of a sale has, each act when its time has come."""
        if sale.course.acts:
            self._await(sale, "awaiting_shipment")
        for act in sale.course.acts:
            getattr(self, f"_{act}")(sale)

    def await_ends(self, sales: list[Sale]) -> None:
        """Wait until every order rests where it should."""
        for sale in sales:
            eventually(
                lambda sale=sale: self.rest(sale),  # type: ignore[misc]  # bound now, not when it is called
                lambda rest: not rest,
                until=f"{sale.order_id} ({sale.course.name}) ended",
                seconds=SOON_SECONDS,
                pause=_PAUSE,
            )

    def rest(self, sale: Sale) -> str:
        """Say what an order still waits for; empty when it rests where it should."""
        order = seen(self.shop.brand, f"/v1/orders/{sale.order_id}")
        pending = any(refund["status"] != "succeeded" for refund in order["refunds"])
        wanted = sum("refund" in act for act in sale.course.acts)
        if order["status"] != sale.course.ends_as or pending or len(order["refunds"]) < wanted or _is_due_soon(order):
            return f"{order['status']}, due {order['due_at']}, refunds {order['refunds']}"
        return ""

    def every(self, path: str) -> Iterator[dict[str, Any]]:
        """Read a list of the brand, page by page."""
        cursor = ""
        while True:
            page = seen(self.shop.brand, f"{path}?limit=100{cursor}")
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = f"&cursor={page['next_cursor']}"

    # ------------------------------------------------------------ parts
    def _seller(self) -> Shopper:
        seller = self.shop.shopper()
        account = {"payout_destination": "acct_ok", "ship_from": _SHIP_FROM}
        assert insist(lambda: seller.client.patch("/v1/seller_account", account)).status == 200
        return seller

    def _scan(self, sale: Sale) -> None:
        self._report(sale, "shp", "in_transit")
        self._await(sale, "shipped")

    def _deliver(self, sale: Sale) -> None:
        self._report(sale, "shp", "delivered")
        self._await(sale, "delivered")

    def _receive(self, sale: Sale) -> None:
        self._done(lambda: sale.buyer.client.post(f"/v1/orders/{sale.order_id}/confirm_receipt"))
        self._await(sale, "completed")

    def _cancel(self, sale: Sale) -> None:
        self._done(lambda: sale.buyer.client.post(f"/v1/orders/{sale.order_id}/cancel"))

    def _claim(self, sale: Sale) -> None:
        body = {"reason": "not_as_described", "description": "It is not."}
        self._done(lambda: sale.buyer.client.post(f"/v1/orders/{sale.order_id}/claims", body), status=201)

    def _return(self, sale: Sale) -> None:
        self._resolve(sale, decision="approve")
        self._report(sale, "rtn", "in_transit")

    def _deny(self, sale: Sale) -> None:
        self._resolve(sale, decision="deny", note="It is.")

    def _refund_part(self, sale: Sale) -> None:
        self._refund_of(sale, amount=2_500)

    def _refund(self, sale: Sale) -> None:
        self._refund_of(sale)

    def _refund_of(self, sale: Sale, **amount: int) -> None:
        key, body = uuid.uuid4().hex, {"order_id": sale.order_id, **amount}
        self._done(lambda: self.shop.brand.post("/v1/refunds", body, Idempotency_Key=key), status=202)

    def _resolve(self, sale: Sale, **verdict: str) -> None:
        claim_id = sale.order_id.replace("ord_", "clm_")
        self._done(lambda: self.shop.brand.post(f"/v1/claims/{claim_id}/resolve", verdict))

    def _report(self, sale: Sale, prefix: str, status: str) -> None:
        shipment_id, report = sale.order_id.replace("ord_", f"{prefix}_"), {"id": uuid.uuid4().hex, "status": status}
        self._done(lambda: self.shop.brand.post(f"/v1/shipments/{shipment_id}/tracking_events", report))

    def _done(self, send: Callable[[], Any], *, status: int = 200) -> None:
        """Send until it is answered; a conflict with the workflow is read again and said again."""
        response = eventually(
            lambda: insist(send),
            lambda got: got.status != 409 or "changed" not in str(got.code),
            until="it is taken",
            seconds=SOON_SECONDS,
            pause=_PAUSE,
        )
        assert response.status == status, response.content

    def _await(self, sale: Sale, *statuses: str) -> None:
        eventually(
            lambda: self._board.status(sale.order_id),
            lambda found: found in {*statuses, sale.course.ends_as},
            until=f"{sale.order_id} ({sale.course.name}) is {' or '.join(statuses)}",
            seconds=SOON_SECONDS,
            pause=_PAUSE,
        )


def _is_due_soon(order: dict[str, Any]) -> bool:
    """Return whether a step follows; an order that rests is woken once in days, to review its payment."""
    if order["due_at"] is None:
        return False
    return datetime.fromisoformat(order["due_at"]) < datetime.fromisoformat(order["updated_at"]) + timedelta(hours=12)
