"""What must hold when all sales of a shop have ended: orders, histories, money and queues."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tests.e2e.machine import eventually
from tests.e2e.sales import SOON_SECONDS, Sale, Sales
from tests.e2e.shops import Shopper, insist, seen

_BANK_DAYS: Final = 6
_QUEUES_SECONDS: Final = 180.0


class Queues(Protocol):
    """The queues of a platform."""

    def queue_depths(self) -> Mapping[str, int]:
        """How many messages every queue holds, by name."""


@dataclass
class Findings:
    """What is wrong at the end."""

    lines: list[str] = field(default_factory=list)

    def check(self, holds: bool, line: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
        if not holds:
            self.lines.append(line)


class Outcome:
    """Looks at the shop once everything has ended. It is made before the first sale."""

    def __init__(self, sales: Sales, queues: Queues, *, say: Callable[[str], None]) -> None:
        self._sales, self._queues, self._say = sales, queues, say
        self._brand = sales.shop.brand
        self._pending = self._sheet()["sellers_pending"]  # of a sale before, which nobody ships

    # ------------------------------------------------------------ money
    def pay_sellers(self) -> None:
        """Pay all that is available, with nobody killed: in test time, since banks take theirs."""
        for seller in self._sales.sellers:
            while self._pay(seller):
                pass
        clock = self._brand.post("/v1/test_clocks", {}).json
        for _ in range(_BANK_DAYS):
            before = {payout["id"]: payout["version"] for payout in self._unpaid()}
            self._say(f"  {len(before)} payouts are on their way")
            if not before:
                return
            self._brand.post(f"/v1/test_clocks/{clock['id']}/advance", {"seconds": 86_400})
            eventually(
                self._unpaid,
                lambda now, before=before: all(one["version"] > before[one["id"]] for one in now),  # type: ignore[misc]  # bound now
                until="the bank was asked for every payout",
                seconds=SOON_SECONDS,
            )

    def _pay(self, seller: Shopper) -> bool:
        key = uuid.uuid4().hex
        response = insist(lambda: seller.client.post("/v1/payouts", {}, Idempotency_Key=key))
        assert response.status in {202, 409}, response.content
        return response.status == 202

    def _unpaid(self) -> list[dict[str, Any]]:
        return [payout for payout in self._sales.every("/v1/payouts") if payout["status"] != "paid"]

    # ------------------------------------------------------------ the checks
    def look(self, sales: list[Sale]) -> Findings:
        """Check everything; return what is wrong."""
        found = Findings()
        self._look_at_queues(found)  # first: what is still under way is on no record yet
        self._say("looking at orders, books and histories")
        ends = Counter((sale.course.name, seen(self._brand, f"/v1/orders/{sale.order_id}")["status"]) for sale in sales)
        for (name, status), count in sorted(ends.items()):
            self._say(f"  {count:>5} {name}: {status}")
        for sale in sales:
            found.check(not self._sales.rest(sale), f"{sale.order_id} ({sale.course.name}) is {self._sales.rest(sale)}")
            history = seen(self._brand, f"/v1/orders/{sale.order_id}/history?limit=1")
            verification = history["verification"]
            found.check(verification["verified"], f"the history of {sale.order_id}: {verification['findings']}")
            books = seen(self._brand, f"/v1/ledger/transactions?source={sale.order_id}")["data"]
            total = sum(entry["amount"] for booking in books for entry in booking["entries"])
            found.check(total == 0, f"the books of {sale.order_id} do not balance")
        self._look_at_money(found)
        return found

    def _look_at_money(self, found: Findings) -> None:
        report = seen(self._brand, "/v1/reports/reconciliation?days=31")
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

    def _sheet(self) -> Counter[str]:
        accounts = seen(self._brand, "/v1/ledger/balances")["accounts"]
        return Counter({one["account"]: sum(amount["amount"] for amount in one["amounts"]) for one in accounts})

    def _look_at_queues(self, found: Findings) -> None:
        depths = eventually(
            self._queues.queue_depths,
            lambda now: not any(now.values()),
            until="all queues are empty",
            seconds=_QUEUES_SECONDS,
        )
        found.check(any(name.endswith("-dlq") for name in depths), "no dead-letter queue was looked at")
        self._say(f"  {len(depths)} queues, dead letters included, are empty")
