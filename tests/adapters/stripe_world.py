"""What Stripe knows, as a test's world: intents, refunds, transfers, payouts, and the paths that change them."""

import copy
import itertools
import json
import re
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[1] / "samples" / "stripe"
API_KEY = "sk_test_madeup"

Json = dict[str, Any]


def sample(name: str, **changes: Any) -> Json:
    """One of the samples, changed."""
    shape: Json = json.loads((SAMPLES / f"{name}.json").read_text())
    return {**shape, **changes}


class Refused(Exception):  # noqa: N818 - named for what happened
    """A response that is an error."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def invalid(code: str, param: str | None = None) -> Refused:
    """What Stripe says of a request it will not do."""
    error = {**sample("error_invalid_request")["error"], "code": code, "param": param}
    return Refused(400, {"error": error})


class Call:
    """A request, read: ``params`` as the library flattened them."""

    def __init__(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> None:
        url = urllib.parse.urlsplit(target)
        self.method, self.path, self.target, self.body, self.headers = method, url.path, target, body, headers
        self.params = dict(urllib.parse.parse_qsl(body.decode() or url.query))
        self.key = headers.get("idempotency-key", "")
        self.account = headers.get("stripe-account", "")

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata it gives."""
        return {name[9:-1]: value for name, value in self.params.items() if name.startswith("metadata[")}


class StripeWorld:
    """Everything in it is open to the test."""

    def __init__(self) -> None:
        self.intents: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.disputes: dict[str, Json] = {}
        self.transfers: dict[str, Json] = {}
        self.payouts: dict[str, Json] = {}
        self.transactions: list[Json] = []
        self.events: list[Json] = []
        self.accounts: dict[str, Json] = {}
        self.left: set[str] = set()  # connected accounts that revoked the platform's access
        self._numbers = itertools.count(1)

    def book(self, kind: str, source: Json | None, amount: int, *, fee: int = 0, category: str | None = None) -> None:
        """Book a balance transaction; ``fee`` is what Stripe charges for it."""
        booked = sample("balance_transaction", id=self._name("txn"), type=kind, source=source, amount=amount)
        booked |= {"fee": fee, "net": amount - fee, "reporting_category": category or kind}
        self.transactions.insert(0, booked)

    def close_dispute(self, dispute: Json, status: str, *, kind: str = "charge.dispute.closed") -> None:
        """End a dispute, and tell of it."""
        event = sample("event_dispute_closed", id=self._name("evt"), type=kind)
        event["data"]["object"] = {**dispute, "status": status}
        self.events.insert(0, event)

    def do(self, call: Call) -> tuple[int, Json]:
        """Do what a request asks for; an error is a response, too."""
        if call.headers.get("authorization") != f"Bearer {API_KEY}":
            return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
        if call.account in self.left or call.path.rpartition("/")[2] in self.left:
            return 403, sample("error_account_invalid")
        for method, path, action in _ROUTES:
            match = re.fullmatch(path, call.path)
            if match is not None and method == call.method:
                try:
                    return 200, action(self, call, *match.groups())
                except Refused as refused:
                    return refused.status, refused.body
        return 404, {"error": {"type": "invalid_request_error", "message": "Unrecognized request URL"}}

    def _name(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers)}"

    def _make_intent(self, call: Call) -> Json:
        amount = int(call.params["amount"])
        if amount < 30:
            raise invalid("amount_too_small", "amount")
        intent = sample(
            "payment_intent",
            id=self._name("pi"),
            amount=amount,
            currency=call.params["currency"],
            capture_method=call.params["capture_method"],
            transfer_group=call.params["transfer_group"],
            metadata=call.metadata,
        )
        self.intents[intent["id"]] = intent
        return intent

    def _intent(self, _: Call, intent_id: str) -> Json:
        if intent_id not in self.intents:
            raise invalid("resource_missing", "intent")
        return self.intents[intent_id]

    def _search(self, call: Call) -> Json:
        match = re.fullmatch(r'metadata\["(\w+)"\]:"(\w+)"', call.params["query"])
        assert match is not None
        found = [one for one in self.intents.values() if one["metadata"].get(match[1]) == match[2]]
        return {"object": "search_result", "data": found, "has_more": False, "next_page": None, "url": call.path}

    def _confirm(self, call: Call, intent_id: str) -> Json:
        intent = self._in_state(call, intent_id, "requires_payment_method")
        token = call.params["payment_method"]
        if token == "pm_card_visa":
            intent |= {"status": "requires_capture", "amount_capturable": intent["amount"], "last_payment_error": None}
        elif token == "pm_card_chargeDeclined":
            declined = sample("error_card_declined")
            intent["last_payment_error"] = declined["error"]
            raise Refused(402, {"error": {**declined["error"], "payment_intent": copy.deepcopy(intent)}})
        elif token == "pm_card_threeDSecure2Required":
            redirect = {"url": "https://hooks.stripe.com/made-up", "return_url": call.params.get("return_url")}
            sdk = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
            by_url = {"type": "redirect_to_url", "redirect_to_url": redirect}
            intent |= {"status": "requires_action", "next_action": by_url if "return_url" in call.params else sdk}
        elif token == "pm_slow":
            intent["status"] = "processing"
        else:
            raise invalid("resource_missing", "payment_method")
        self.intents[intent_id] = intent
        return intent

    def _capture(self, call: Call, intent_id: str) -> Json:
        intent = self._in_state(call, intent_id, "requires_capture")
        charge = sample(
            "charge",
            id=self._name("ch"),
            payment_intent=intent_id,
            amount=intent["amount"],
            amount_captured=intent["amount"],
            currency=intent["currency"],
            metadata=intent["metadata"],
        )
        intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"])
        self.book("charge", charge, intent["amount"])
        return intent

    def _cancel(self, call: Call, intent_id: str) -> Json:
        waiting = ("requires_payment_method", "requires_action", "requires_capture")
        intent = self._in_state(call, intent_id, *waiting)
        intent.update(status="canceled", cancellation_reason=call.params["cancellation_reason"])
        return intent

    def _in_state(self, call: Call, intent_id: str, *states: str) -> Json:
        intent = self._intent(call, intent_id)
        if intent["status"] not in states:
            raise invalid("payment_intent_unexpected_state")
        return intent

    def _refund(self, call: Call) -> Json:
        intent = self._intent(call, call.params["payment_intent"])
        amount = int(call.params["amount"])
        gone = sum(one["amount"] for one in self.refunds.values() if one["payment_intent"] == intent["id"])
        if gone == intent["amount_received"]:
            raise invalid("charge_already_refunded")
        if amount > intent["amount_received"] - gone:
            raise invalid("amount_too_large", "amount")
        refund = sample(
            "refund",
            id=self._name("re"),
            amount=amount,
            currency=intent["currency"],
            payment_intent=intent["id"],
            metadata=call.metadata,
        )
        self.refunds[refund["id"]] = refund
        self.book("refund", refund, -amount)
        return refund

    def _list_refunds(self, call: Call) -> Json:
        return _page(
            call, [one for one in self.refunds.values() if one["payment_intent"] == call.params["payment_intent"]]
        )

    def _list_disputes(self, call: Call) -> Json:
        intent_id = call.params["payment_intent"]
        return _page(call, [one for one in self.disputes.values() if one["payment_intent"] == intent_id])

    def _open_account(self, call: Call) -> Json:
        """Open a connected account that cannot be paid yet (docs.stripe.com/api/accounts/object)."""
        account: Json = {
            "id": self._name("acct"),
            "object": "account",
            "details_submitted": False,
            "payouts_enabled": False,
            "requirements": {"currently_due": ["external_account"], "past_due": [], "disabled_reason": None},
            "asked": call.params,
        }
        self.accounts[account["id"]] = account
        return account

    def _link_account(self, call: Call) -> Json:
        url = f"https://connect.stripe.com/setup/c/{call.params['account']}/made_up"
        return {"object": "account_link", "created": 1_680_577_733, "expires_at": 1_680_578_033, "url": url}

    def _transfer(self, call: Call) -> Json:
        if call.params["destination"] == "acct_unknown":
            raise invalid("resource_missing", "destination")
        transfer = sample(
            "transfer",
            id=self._name("tr"),
            amount=int(call.params["amount"]),
            currency=call.params["currency"],
            destination=call.params["destination"],
            transfer_group=call.params["transfer_group"],
            metadata=call.metadata,
        )
        self.transfers[transfer["id"]] = transfer
        self.book("transfer", transfer, -transfer["amount"])
        return transfer

    def _list_transfers(self, call: Call) -> Json:
        group = call.params["transfer_group"]
        return _page(call, [one for one in self.transfers.values() if one["transfer_group"] == group])

    def _reverse(self, call: Call, transfer_id: str) -> Json:
        transfer = self.transfers[transfer_id]
        reversal = sample(
            "transfer_reversal",
            id=self._name("trr"),
            transfer=transfer_id,
            amount=transfer["amount"],
            currency=transfer["currency"],
            metadata=call.metadata,
        )
        transfer.update(reversed=True, amount_reversed=transfer["amount"])
        transfer["reversals"]["data"].append(reversal)
        return reversal

    def _pay(self, call: Call) -> Json:
        if call.account == "acct_closed":
            raise invalid("payouts_not_allowed")
        # docs.stripe.com/currencies, special cases: "integer amounts that are evenly divisible by 100"
        if call.params["currency"] in {"huf", "twd", "isk", "ugx"} and int(call.params["amount"]) % 100:
            raise invalid("invalid_amount", "amount")
        payout = sample(
            "payout",
            id=self._name("po"),
            amount=int(call.params["amount"]),
            currency=call.params["currency"],
            metadata=call.metadata,
            account=call.account,
        )
        self.payouts[payout["id"]] = payout
        return payout

    def _payout(self, call: Call, payout_id: str) -> Json:
        if self.payouts[payout_id]["account"] != call.account:
            raise invalid("resource_missing", "payout")
        return self.payouts[payout_id]

    def _list_payouts(self, call: Call) -> Json:
        return _page(call, [one for one in self.payouts.values() if one["account"] == call.account])

    def _account(self, _: Call, account_id: str) -> Json:
        if account_id not in self.accounts:
            raise invalid("resource_missing", "account")
        return self.accounts[account_id]

    def _list_transactions(self, call: Call) -> Json:
        since = int(call.params["created[gte]"])
        return _page(call, [one for one in self.transactions if one["created"] >= since], page=2)

    def _list_events(self, call: Call) -> Json:
        since = int(call.params["created[gte]"])
        types = {value for name, value in call.params.items() if name.startswith("types[")}
        found = [one for one in self.events if one["type"] in types and one["created"] >= since]
        return _page(call, found, page=2)


def _page(call: Call, found: list[Json], *, page: int = 100) -> Json:
    after = call.params.get("starting_after")
    names = [one["id"] for one in found]
    begin = names.index(after) + 1 if after else 0
    rest = found[begin:]
    return {"object": "list", "data": rest[:page], "has_more": len(rest) > page, "url": call.path}


_ROUTES: list[tuple[str, str, Callable[..., Json]]] = [
    ("POST", "/v1/payment_intents", StripeWorld._make_intent),
    ("GET", "/v1/payment_intents/search", StripeWorld._search),
    ("GET", r"/v1/payment_intents/(\w+)", StripeWorld._intent),
    ("POST", r"/v1/payment_intents/(\w+)/confirm", StripeWorld._confirm),
    ("POST", r"/v1/payment_intents/(\w+)/capture", StripeWorld._capture),
    ("POST", r"/v1/payment_intents/(\w+)/cancel", StripeWorld._cancel),
    ("POST", "/v1/refunds", StripeWorld._refund),
    ("GET", "/v1/refunds", StripeWorld._list_refunds),
    ("GET", "/v1/disputes", StripeWorld._list_disputes),
    ("POST", "/v1/accounts", StripeWorld._open_account),
    ("POST", "/v1/account_links", StripeWorld._link_account),
    ("POST", "/v1/transfers", StripeWorld._transfer),
    ("GET", "/v1/transfers", StripeWorld._list_transfers),
    ("POST", r"/v1/transfers/(\w+)/reversals", StripeWorld._reverse),
    ("POST", "/v1/payouts", StripeWorld._pay),
    ("GET", "/v1/payouts", StripeWorld._list_payouts),
    ("GET", r"/v1/payouts/(\w+)", StripeWorld._payout),
    ("GET", r"/v1/accounts/(\w+)", StripeWorld._account),
    ("GET", "/v1/balance_transactions", StripeWorld._list_transactions),
    ("GET", "/v1/events", StripeWorld._list_events),
]
