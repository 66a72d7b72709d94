"""``make kills N=1000``: so many orders through real queues and processes, killed -9 at random every few seconds.

Every order has an end it must come to. When all have, the books are held against the provider's own, every history is
verified, and every queue and dead-letter queue must be empty. Ends with 1 and says what is wrong, if anything is.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from deploy.local.supervisor.interrupts import exit_on_signals
from tests.e2e.machine import Machine, eventually
from tests.e2e.shops import Picture, Shop, Shopper, insist, seen
from tests.fixtures.pictures import jpeg, scene

_SHOPPERS: Final = 40  # at once: nearly all of them wait for the workflow
_LISTERS: Final = 3
_SELLERS: Final = 12
_BATCH: Final = 200
_BOARD_SECONDS: Final = 1.0  # how old what is known of the orders may be: they are asked for by the page
_PAUSE: Final = 0.5  # between two looks of somebody who waits
_BANK_DAYS: Final = 6
_KILL_SECONDS: Final = (3.0, 7.0)  # between two kills
_SOON_SECONDS: Final = 420.0
_KILLED: Final = (
    "orders",
    "orders",
    "orders",
    "changes",
    "changes",
    "sweep",
    "relay",
    "images",
    "web",
    "payments",
    "shipping",
    "dynoxide-111111111111",
)
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


@dataclass
class Findings:
    """What is wrong at the end."""

    lines: list[str] = field(default_factory=list)

    def check(self, holds: bool, line: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
        if not holds:
            self.lines.append(line)


def _is_due_soon(order: dict[str, Any]) -> bool:
    """Return whether a step follows; an order that rests is woken once in days, to review its payment."""
    if order["due_at"] is None:
        return False
    return datetime.fromisoformat(order["due_at"]) < datetime.fromisoformat(order["updated_at"]) + timedelta(hours=12)


def main() -> int:
    """Play it."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    say = partial(_say, time.monotonic())
    say(f"{options.orders} orders, seed {options.seed}")
    with exit_on_signals(), tempfile.TemporaryDirectory(prefix="resale-kills-") as folder:
        machine = Machine(Path(folder))
        try:
            machine.start()
            soak = Soak(machine, say=say, rng=random.Random(options.seed))  # noqa: S311 - a run that can be told again
            found = soak.play(options.orders)
        finally:
            machine.close()
    for line in found.lines:
        say(f"WRONG: {line}")
    say("nothing is wrong" if not found.lines else f"{len(found.lines)} things are wrong")
    return 1 if found.lines else 0


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
                newest = islice(self._read(), _BATCH + _SELLERS)
                self._known |= {order["id"]: order["status"] for order in newest}
                self._at = time.monotonic()
            return self._known.get(order_id, "")


class Soak:
    """The shoppers, the killer and the checks of one run."""

    def __init__(self, machine: Machine, *, say: Callable[[str], None], rng: random.Random) -> None:
        self._machine, self._say, self._rng = machine, say, rng
        self._shop = Shop(machine, "northwind")
        self._killed: Counter[str] = Counter()
        self._board = Board(lambda: self._every("/v1/orders"))
        self._sellers = [self._seller() for _ in range(_SELLERS)]
        self._pending = self._sheet()["sellers_pending"]  # of the journey's own sale, which nobody ships

    def play(self, count: int) -> Findings:
        """Run all orders to their ends under kills, then look at everything once."""
        sales: list[Sale] = []
        with self._killing():
            for start in range(0, count, _BATCH):
                numbers = range(start, min(start + _BATCH, count))
                listings = self._list(len(numbers))
                with ThreadPoolExecutor(_SHOPPERS) as shoppers:
                    sales += shoppers.map(self._run, numbers, listings)
                self._say(f"{len(sales)} orders went their ways; {sum(self._killed.values())} processes killed")
            self._await_ends(sales)
        self._say("paying the sellers")
        self._pay_sellers()
        return self._look(sales)

    # ------------------------------------------------------------ shoppers
    def _seller(self) -> Shopper:
        seller = self._shop.shopper()
        account = {"payout_destination": "acct_ok", "ship_from": _SHIP_FROM}
        assert insist(lambda: seller.client.patch("/v1/seller_account", account)).status == 200
        return seller

    def _list(self, count: int) -> list[tuple[Shopper, str]]:
        picture = Picture(jpeg(scene(64, 48)))
        shares = Counter(self._sellers[number % _SELLERS].name for number in range(count))
        by_name = {seller.name: seller for seller in self._sellers}
        with ThreadPoolExecutor(_LISTERS) as sellers:
            listed = sellers.map(
                lambda share: (by_name[share[0]], self._shop.on_sale(by_name[share[0]], picture, count=share[1])),
                shares.items(),
            )
            return [(seller, listing_id) for seller, listings in listed for listing_id in listings]

    def _run(self, number: int, listed: tuple[Shopper, str]) -> Sale:
        course, (seller, listing_id) = COURSES[number % len(COURSES)], listed
        buyer = self._shop.shopper()
        sale = Sale(course, seller, buyer, self._shop.buy(buyer, listing_id, course.token))
        if course.acts:
            self._await(sale, "awaiting_shipment")
        for act in course.acts:
            getattr(self, f"_{act}")(sale)
        return sale

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
        self._done(lambda: self._shop.brand.post("/v1/refunds", body, Idempotency_Key=key), status=202)

    def _resolve(self, sale: Sale, **verdict: str) -> None:
        claim_id = sale.order_id.replace("ord_", "clm_")
        self._done(lambda: self._shop.brand.post(f"/v1/claims/{claim_id}/resolve", verdict))

    def _report(self, sale: Sale, prefix: str, status: str) -> None:
        shipment_id, report = sale.order_id.replace("ord_", f"{prefix}_"), {"id": uuid.uuid4().hex, "status": status}
        self._done(lambda: self._shop.brand.post(f"/v1/shipments/{shipment_id}/tracking_events", report))

    def _done(self, send: Callable[[], Any], *, status: int = 200) -> None:
        """Send until it is answered; a conflict with the workflow is read again and said again."""
        response = eventually(
            lambda: insist(send),
            lambda got: got.status != 409 or "changed" not in str(got.code),
            until="it is taken",
            seconds=_SOON_SECONDS,
            pause=_PAUSE,
        )
        assert response.status == status, response.content

    def _await(self, sale: Sale, *statuses: str) -> None:
        eventually(
            lambda: self._board.status(sale.order_id),
            lambda found: found in {*statuses, sale.course.ends_as},
            until=f"{sale.order_id} ({sale.course.name}) is {' or '.join(statuses)}",
            seconds=_SOON_SECONDS,
            pause=_PAUSE,
        )

    def _await_ends(self, sales: list[Sale]) -> None:
        self._say("waiting for the last ones")
        for sale in sales:
            eventually(
                lambda sale=sale: self._rest(sale),  # type: ignore[misc]  # bound now, not when it is called
                lambda rest: not rest,
                until=f"{sale.order_id} ({sale.course.name}) ended",
                seconds=_SOON_SECONDS,
                pause=_PAUSE,
            )

    def _rest(self, sale: Sale) -> str:
        """Say what an order still waits for; empty when it rests where it should."""
        order = seen(self._shop.brand, f"/v1/orders/{sale.order_id}")
        pending = any(refund["status"] != "succeeded" for refund in order["refunds"])
        wanted = sum("refund" in act for act in sale.course.acts)
        if order["status"] != sale.course.ends_as or pending or len(order["refunds"]) < wanted or _is_due_soon(order):
            return f"{order['status']}, due {order['due_at']}, refunds {order['refunds']}"
        return ""

    # ------------------------------------------------------------ money
    def _pay_sellers(self) -> None:
        """Pay all that is available, with nobody killed: in test time, since banks take theirs."""
        for seller in self._sellers:
            while self._pay(seller):
                pass
        clock = self._shop.brand.post("/v1/test_clocks", {}).json
        for _ in range(_BANK_DAYS):
            before = {payout["id"]: payout["version"] for payout in self._unpaid()}
            self._say(f"  {len(before)} payouts are on their way")
            if not before:
                return
            self._shop.brand.post(f"/v1/test_clocks/{clock['id']}/advance", {"seconds": 86_400})
            eventually(
                self._unpaid,
                lambda now, before=before: all(one["version"] > before[one["id"]] for one in now),  # type: ignore[misc]  # bound now
                until="the bank was asked for every payout",
                seconds=_SOON_SECONDS,
            )

    def _pay(self, seller: Shopper) -> bool:
        key = uuid.uuid4().hex
        response = insist(lambda: seller.client.post("/v1/payouts", {}, Idempotency_Key=key))
        assert response.status in {202, 409}, response.content
        return response.status == 202

    def _unpaid(self) -> list[dict[str, Any]]:
        return [payout for payout in self._every("/v1/payouts") if payout["status"] != "paid"]

    def _every(self, path: str) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            page = seen(self._shop.brand, f"{path}?limit=100{cursor}")
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = f"&cursor={page['next_cursor']}"

    # ------------------------------------------------------------ the checks
    def _look(self, sales: list[Sale]) -> Findings:
        found = Findings()
        self._look_at_queues(found)  # first: what is still under way is on no record yet
        self._say("looking at orders, books and histories")
        ends = Counter(
            (sale.course.name, seen(self._shop.brand, f"/v1/orders/{sale.order_id}")["status"]) for sale in sales
        )
        for (name, status), count in sorted(ends.items()):
            self._say(f"  {count:>5} {name}: {status}")
        for sale in sales:
            found.check(not self._rest(sale), f"{sale.order_id} ({sale.course.name}) is {self._rest(sale)}")
            history = seen(self._shop.brand, f"/v1/orders/{sale.order_id}/history?limit=1")
            verification = history["verification"]
            found.check(verification["verified"], f"the history of {sale.order_id}: {verification['findings']}")
            books = seen(self._shop.brand, f"/v1/ledger/transactions?source={sale.order_id}")["data"]
            total = sum(entry["amount"] for booking in books for entry in booking["entries"])
            found.check(total == 0, f"the books of {sale.order_id} do not balance")
        self._look_at_money(found)
        self._say(f"  killed: {', '.join(f'{role} {count}' for role, count in sorted(self._killed.items()))}")
        return found

    def _look_at_money(self, found: Findings) -> None:
        report = seen(self._shop.brand, "/v1/reports/reconciliation?days=31")
        found.check(report["agreed"], f"provider, ledger and orders disagree: {report['differences'][:5]}")
        sheet = self._sheet()
        self._say(
            f"  {report['movements']} movements: provider {report['provider_sum']}, ledger {report['ledger_sum']}, "
            f"orders and payouts {report['records_sum']}; commission {-sheet['commission']}, "
            f"pending {sheet['sellers_pending']}, in transit {sheet['payouts_in_transit']}"
        )
        found.check(sheet["sellers_pending"] == self._pending, "money is pending, and every order has ended")
        found.check(not self._unpaid(), "a payout is not paid")
        found.check(sheet["payouts_in_transit"] == 0, "money is in transit, and every payout is paid")

    def _sheet(self) -> dict[str, int]:
        accounts = seen(self._shop.brand, "/v1/ledger/balances")["accounts"]
        return {one["account"]: one["amounts"][0]["amount"] for one in accounts}

    def _look_at_queues(self, found: Findings) -> None:
        depths = eventually(
            self._machine.queue_depths, lambda now: not any(now.values()), until="all queues are empty", seconds=180.0
        )
        found.check(any(name.endswith("-dlq") for name in depths), "no dead-letter queue was looked at")
        self._say(f"  {len(depths)} queues, dead letters included, are empty")

    # ------------------------------------------------------------ the killer
    @contextmanager
    def _killing(self) -> Iterator[None]:
        stopping = threading.Event()

        def kill_now_and_then() -> None:
            while not stopping.wait(self._rng.uniform(*_KILL_SECONDS)):
                role = self._rng.choice(_KILLED)
                self._machine.kill(role)
                self._killed[role] += 1

        killer = threading.Thread(target=kill_now_and_then, name="killer")
        killer.start()
        try:
            yield
        finally:
            stopping.set()
            killer.join()


def _say(began: float, line: str) -> None:
    sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
