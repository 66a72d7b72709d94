"""Money journeys with a test clock: a sale to its payout, and a claim to its refund and relisting."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from deploy.local.journey.assertions import await_state, expect, require
from deploy.local.journey.client import Response, send
from deploy.local.journey.shops import ADDRESS, COMPLAINT, SHIP_FROM, Shop

_DESTINATION: Final = "acct_ok"
_BANK_DAYS: Final = 4


class MoneyJourney:
    """Two sales at one shop whose test clock is advanced."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._say: Callable[[str], None] = shop.say

    def play(self) -> None:
        """Run both journeys.

        Raises:
            JourneyFailed: A step did not end as it should.
        """
        self._say(f"money at {self._shop.tenant.slug}, in test time")
        self._open_account()
        clock_id = self._clock()
        order = self._sell("Rain coat, hardly worn", amount=14_000)
        self._deliver(order)
        self._complete(order, clock_id)
        payout_id = self._pay_out(clock_id)
        self._print_ledger(order["id"], payout_id)
        self._say("")
        returned = self._sell("Wool jumper, as new", amount=6_500, with_problems=True)
        self._deliver(returned)
        self._claim_and_return(returned)
        self._relist(returned)
        self._print_ledger(returned["id"])
        self._reconcile()
        self._print_trial_balance()

    # ---------------------------------------------------------------- a sale
    def _open_account(self) -> None:
        edit = {"payout_method": "cash", "payout_destination": _DESTINATION, "ship_from": SHIP_FROM}
        expect(self._shop.seller.patch("/v1/seller_account", edit), HTTPStatus.OK, to="open the seller's account")
        self._say("the seller sets the payout destination and the ship-from address")

    def _clock(self) -> str:
        brand = self._shop.brand
        found = expect(brand.get("/v1/test_clocks"), HTTPStatus.OK, to="look for a test clock")["data"]
        made = found[0] if found else expect(brand.post("/v1/test_clocks", {}), HTTPStatus.CREATED, to="make a clock")
        self._say(f"the shop's test clock shows {made['now']}")
        return str(made["id"])

    def _advance(self, clock_id: str, by: timedelta) -> None:
        path = f"/v1/test_clocks/{clock_id}/advance"
        seconds = int(by.total_seconds())
        moved = expect(self._shop.brand.post(path, {"seconds": seconds}), HTTPStatus.OK, to="move time")
        days = "a day" if by.days == 1 else f"{by.days} days"
        self._say(f"  {days} later: {moved['now']}")

    def _sell(self, title: str, *, amount: int, with_problems: bool = False) -> Any:
        """Sell an item; with ``with_problems`` the bank requires 3-D Secure, and the carrier refuses the address."""
        shop = self._shop
        listing = shop.list_with_photos(title, amount=amount)
        expect(shop.seller.post(f"/v1/listings/{listing['id']}/submit"), HTTPStatus.OK, to="submit")
        shop.approve(listing["id"])
        changes = self._problem_fields() if with_problems else {}
        order = expect(shop.buy(listing["id"], changes=changes), HTTPStatus.ACCEPTED, to="buy it")
        self._say(f"a buyer buys it: {order['id']}, {order['status']}")
        if with_problems:
            self._authenticate(order["id"])
            self._correct_address(order["id"])
        labelled = shop.await_order(order["id"], "awaiting_shipment", until="the order is paid and its label bought")
        parcel = labelled["shipment"]
        self._say(f"  paid; {parcel['carrier']} {parcel['service']} {parcel['tracking_number']}; {labelled['status']}")
        return labelled

    def _problem_fields(self) -> dict[str, object]:
        return {
            "payment_token": "tok_requires_action",
            "return_url": f"{self._shop.base_url}/v1/docs?from=bank",  # stands in for the brand's page
            "shipping_address": ADDRESS | {"line1": "Undeliverable"},
        }

    def _authenticate(self, order_id: str) -> None:
        """Confirm on the bank's page, which redirects to the brand's page with the order id."""
        action = self._shop.await_buyer(order_id, "redirect_to_url")
        self._say(f"  the buyer's bank requires 3-D Secure: {action['url']}")
        agreed = send("POST", f"{action['url'].replace('/action?', '/complete_action?')}&page=1", headers={})
        back = agreed.headers.get("location", "")
        require(f"&order_id={order_id}&" in back, f"the bank responded with {agreed.status} and leads to {back!r}")
        self._say(f"  the buyer agrees and is sent back to {back}")

    def _correct_address(self, order_id: str) -> None:
        self._shop.await_buyer(order_id, "correct_shipping_address")
        path = f"/v1/orders/{order_id}/shipping_address"
        expect(self._shop.buyer.put(path, ADDRESS), HTTPStatus.OK, to="correct the address")
        self._say("  paid; the carrier refuses the address, and the buyer corrects it")

    def _deliver(self, order: Any) -> None:
        for status, until in (("in_transit", "shipped"), ("delivered", "delivered")):
            self._scan(order["shipment"]["id"], status)
            self._shop.await_order(order["id"], until, until=f"the order is {until}")
            self._say(f"  the carrier reports {status}: the order is {until}")

    def _scan(self, shipment_id: str, status: str) -> Any:
        report = {"id": uuid4().hex, "status": status}
        response = self._shop.brand.post(f"/v1/shipments/{shipment_id}/tracking_events", report)
        return expect(response, HTTPStatus.OK, to=f"report {status}")

    def _complete(self, order: Any, clock_id: str) -> None:
        self._advance(clock_id, timedelta(days=4))
        self._shop.await_order(order["id"], "completed", until="the claim window is over")
        account = self._account()
        require(account["available"] > 0, f"completed, but {account['available']} is available")
        self._say(f"  the order is completed; the seller's transfer is available: {self._amount(account['available'])}")

    def _pay_out(self, clock_id: str) -> str:
        known = self._newest_payout()
        self._advance(clock_id, timedelta(days=3))
        payout = await_state(
            self._newest_payout,
            lambda seen: seen is not None and (known is None or seen["id"] != known["id"]),
            until="the payout starts automatically",
        )
        payout_id = str(payout["id"])
        self._say(f"  a payout of {self._amount(payout['amount'])} starts automatically: {payout_id}")
        paid = self._await_bank(payout_id, clock_id)
        require(paid["status"] == "paid", f"the payout is {paid['status']}: {paid['failure_code']}")
        left = self._account()["available"]
        require(left == 0, f"paid out, but {left} is left")
        self._say(f"  it is paid; the balance is {self._amount(left)}")
        return payout_id

    def _await_bank(self, payout_id: str, clock_id: str) -> Any:
        """Wait for the bank, which takes days: the provider is polled whenever the payout is due, or sends an event."""
        seen = await_state(
            lambda: self._payout(payout_id), lambda seen: seen["status"] != "pending", until="the payout is sent"
        )
        for _ in range(_BANK_DAYS):
            if seen["status"] != "in_transit":
                break
            self._advance(clock_id, timedelta(days=1))
            seen = await_state(
                lambda: self._payout(payout_id),
                lambda now, before=seen: now["version"] > before["version"],  # type: ignore[misc]  # bound now
                until="the provider is polled again",
            )
        return seen

    def _payout(self, payout_id: str) -> Any:
        return expect(self._shop.seller.get(f"/v1/payouts/{payout_id}"), HTTPStatus.OK, to="read the payout")

    def _newest_payout(self) -> Any:
        page = expect(self._shop.seller.get("/v1/payouts?limit=1"), HTTPStatus.OK, to="list payouts")["data"]
        return page[0] if page else None

    # ---------------------------------------------------------------- a claim
    def _claim_and_return(self, order: Any) -> None:
        shop = self._shop
        path = f"/v1/orders/{order['id']}/claims"
        complaint = {"reason": "not_as_described", "description": COMPLAINT}
        claim = expect(shop.buyer.post(path, complaint), HTTPStatus.CREATED, to="claim")
        self._say(f"the buyer claims: {claim['id']}, {claim['reason']}")
        verdict = {"decision": "approve", "note": "Sorry about that; please send it back."}
        expect(shop.brand.post(f"/v1/claims/{claim['id']}/resolve", verdict), HTTPStatus.OK, to="approve the claim")
        labelled = await_state(
            lambda: expect(shop.buyer.get(f"/v1/claims/{claim['id']}"), HTTPStatus.OK, to="read the claim"),
            lambda seen: seen["status"] == "return_label_issued",
            until="the return label is bought",
        )
        self._say(f"  staff approve; a return label is bought: {labelled['return_shipment']['tracking_number']}")
        self._scan(labelled["return_shipment"]["id"], "in_transit")
        refunded = shop.await_order(order["id"], "refunded", until="the refund is given")
        given = sum(refund["amount"] for refund in refunded["refunds"] if refund["status"] == "succeeded")
        require(given == order["amounts"]["grand_total"], f"{given} was refunded, not the full amount")
        self._say(f"  its first scan refunds {self._amount(given)}; the order is {refunded['status']}")

    def _relist(self, order: Any) -> None:
        response = self._shop.seller.post(f"/v1/listings/{order['listing_id']}/relist")
        again = expect(response, HTTPStatus.CREATED, to="relist")
        require(again["relisted_from"] == order["listing_id"], "the new listing has no relisted_from")
        self._say(f"the seller sells it again with one call: {again['id']}, {again['status']}")
        self._shop.approve(again["id"])

    # ---------------------------------------------------------------- the ledger
    def _print_ledger(self, *sources: str) -> None:
        self._say("the ledger")
        for source in sources:
            path = f"/v1/ledger/transactions?source={source}"
            ledger = await_state(
                lambda path=path: expect(self._shop.brand.get(path), HTTPStatus.OK, to="read the ledger"),  # type: ignore[misc]  # bound now, not when it is called
                lambda seen: bool(seen["data"]),
                until="the ledger's index has it",
            )
            total = sum(entry["amount"] for booking in ledger["data"] for entry in booking["entries"])
            for line in self._lines(source, ledger["data"], total):
                self._say(f"  {line}")
            require(total == 0, f"{source} does not balance: {total}")

    def _lines(self, source: str, bookings: Any, total: int) -> Iterator[str]:
        yield f"{source}"
        for booking in bookings:
            step = booking["step"].split("_")[0]
            for entry in booking["entries"]:
                account = entry["account"].split(":")[0]
                amount = self._amount(abs(entry["amount"]))
                debit, credit = (amount, "") if entry["amount"] > 0 else ("", amount)
                yield f"  {step:<10} {account:<20} {debit:>12} {credit:>12}"
        yield f"  {'':<10} {'sum':<20} {total:>12} — it balances"

    def _reconcile(self) -> None:
        report = expect(self._reconciliation(), HTTPStatus.OK, to="reconcile")
        require(report["agreed"], f"the records disagree: {report['differences']}")
        self._say(
            f"reconciled: {report['movements']} movements; provider {report['provider_sum']}, "
            f"ledger {report['ledger_sum']}, orders and payouts {report['records_sum']}: no differences"
        )

    def _print_trial_balance(self) -> None:
        """Print the balance of each account, and check that both sides are equal."""
        path = "/v1/reports/trial_balance?opening=true"
        report = await_state(
            lambda: expect(self._shop.brand.get(path), HTTPStatus.OK, to="compute the trial balance"),
            lambda seen: bool(seen["balanced"]),
            until="the ledger's index has every entry",
        )
        for sheet in report["currencies"]:
            self._say(f"trial balance of {report['month']} in {sheet['currency']}")
            for line in _trial_lines(sheet):
                self._say(f"  {line}")
            require(sheet["difference"] == 0, f"debits and credits differ by {sheet['difference']}")

    def _reconciliation(self) -> Response:
        return self._shop.brand.get("/v1/reports/reconciliation?days=31")

    def _account(self) -> Any:
        return expect(self._shop.seller.get("/v1/seller_account"), HTTPStatus.OK, to="read the seller's account")

    def _amount(self, minor: int) -> str:
        return f"{minor / 100:.2f} {self._shop.currency}"


def _trial_lines(sheet: Any) -> Iterator[str]:
    """Iterate over one line an account: its balance at the end, on the side that it is on."""
    sides = [0, 0]
    for line in sheet["lines"]:
        closing = line["closing"]
        sides[closing < 0] += abs(closing)
        cells = [f"{abs(closing) / 100:.2f}" if is_side else "" for is_side in (closing > 0, closing < 0)]
        yield f"{line['account']:<20} {line['type']:<10} {cells[0]:>12} {cells[1]:>12}"
    require(sides[0] == sides[1], f"{sides[0]} is debited and {sides[1]} credited")
    yield f"{'total':<20} {'':<10} {sides[0] / 100:>12.2f} {sides[1] / 100:>12.2f} — it balances"
