"""Routes of the provider."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from deploy.local.payments.attempts import Attempts
from deploy.local.payments.payouts import Payouts
from deploy.local.payments.refunds import Disputes, Refunds
from deploy.local.payments.rows import (
    NAME,
    Attempt,
    Kind,
    NewAttempt,
    NewDispute,
    NewOnboardingLink,
    NewPayout,
    NewProviderRefund,
    NewRefund,
    captured_amount,
)
from deploy.local.payments.service import ProviderContext, Refusal

T = TypeVar("T")

_FEE_BASIS_POINTS: Final = 150  # of a European card at Stripe (stripe.com/gb/pricing)
_FEE_FIXED: Final = 20
_DISPUTE_FEE: Final = 2_000

_ACTION_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox bank</title>
<meta name="viewport" content="width=device-width"><h1>Sandbox bank</h1><p>Do you agree to this payment?</p>
<form method="post" action="complete_action?account={account}&amp;page=1"><button>Agree</button></form>
<form method="post" action="complete_action?account={account}&amp;page=1&amp;outcome=declined"><button>Refuse</button>
</form>
"""
_DONE_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox bank</title>
<meta name="viewport" content="width=device-width"><h1>Sandbox bank</h1><p>The payment is {state}. {way_back}</p>
"""
_ONBOARDING_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox bank</title>
<meta name="viewport" content="width=device-width"><h1>Sandbox bank</h1><p>Sellers enter bank details and
identity here. The sandbox requires nothing.</p><p><a href="{return_url}">Finish, and back to the shop</a></p>
"""


class Page(msgspec.Struct, frozen=True):
    """A response for a browser; ``location`` is a redirect."""

    html: str
    location: str | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed request."""

    method: str
    path: str
    query: dict[str, str]
    account: str | None
    body: bytes
    host: str


class Provider:
    """All parts of the provider. ``page_rows`` is the number of movements of one response."""

    def __init__(self, context: ProviderContext, *, page_rows: int) -> None:
        self.page_rows = page_rows
        self.records = context.records
        self.attempts = Attempts(context)
        self.refunds = Refunds(context)
        self.disputes = Disputes(context)
        self.payouts = Payouts(context)


Action = Callable[[Provider, Call, str, tuple[str, ...]], Any]


def handle(provider: Provider, call: Call) -> Any:
    """Handle a call; return its response.

    Raises:
        Refusal: No such path or thing, or a request that makes no sense.
        ProviderError: The provider is out of order.
        ResponseLost: Do not respond.
    """
    if (call.method, call.path) == ("GET", "/books"):
        return provider.records.rows(call.account)
    if call.method == "GET" and call.path.startswith("/onboarding/"):
        return _onboarding_page(call)
    for method, path, action in _ROUTES:
        match = path.fullmatch(call.path)
        if match is not None and method == call.method:
            if call.account is None:
                raise Refusal(400, "account_missing")
            return action(provider, call, call.account, match.groups())
    raise Refusal(404, "not_found")


def _authorise(provider: Provider, call: Call, account: str, _: tuple[str, ...]) -> Any:
    return _attempt(provider.attempts.authorise(account, _read(call, NewAttempt)), call)


def _find_attempt(provider: Provider, call: Call, account: str, ids: tuple[str, ...]) -> Any:
    return _attempt(_require(provider.attempts.find(account, ids[0])), call)


def _capture(provider: Provider, call: Call, account: str, ids: tuple[str, ...]) -> Any:
    return _attempt(provider.attempts.capture(account, ids[0]), call)


def _void(provider: Provider, call: Call, account: str, ids: tuple[str, ...]) -> Any:
    return _attempt(provider.attempts.void(account, ids[0]), call)


def _action_page(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    attempt = _require(provider.attempts.find(account, ids[0]))
    return Page(_ACTION_PAGE.format(account=account)) if attempt.state == "requires_action" else _done_page(attempt)


def _complete_action(provider: Provider, call: Call, account: str, ids: tuple[str, ...]) -> Any:
    is_agreed = _outcome(call, "authorized", "declined")
    attempt = provider.attempts.complete_action(account, ids[0], agreed=is_agreed)
    return _done_page(attempt) if "page" in call.query else _attempt(attempt, call)


def _done_page(attempt: Attempt) -> Page:
    """Redirect the buyer to the shop with the provider's parameters, like Stripe."""
    if attempt.return_url is None:
        return Page(_DONE_PAGE.format(state=attempt.state, way_back="You can close this page."))
    status = "failed" if attempt.state in {"declined", "voided"} else "succeeded"
    joint = "&" if "?" in attempt.return_url else "?"
    back = f"{attempt.return_url}{joint}{urlencode({'payment': attempt.reference, 'redirect_status': status})}"
    way_back = f'<a href="{escape(back)}">Back to the shop</a>'
    return Page(_DONE_PAGE.format(state=attempt.state, way_back=way_back), location=back)


def _refund(provider: Provider, call: Call, account: str, ids: tuple[str, ...]) -> Any:
    return provider.refunds.refund(account, ids[0], _read(call, NewRefund))


def _find_refund(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    refund = _require(provider.refunds.find(account, ids[1]))
    return _require(refund if refund.attempt_id == ids[0] else None)


def _list_refunds(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    return {"data": provider.refunds.list_of(account, ids[0])}


def _refund_in_dashboard(provider: Provider, call: Call, account: str, ids: tuple[str, ...]) -> Any:
    new = _read(call, NewProviderRefund) if call.body else NewProviderRefund()
    return provider.refunds.refund_in_dashboard(account, ids[0], new)


def _list_disputes(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    return {"data": provider.disputes.list_of(account, ids[0])}


def _prevent_dispute(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    """End a dispute by a refund of the provider (Visa RDR, Ethoca alerts)."""
    dispute = provider.disputes.prevent(account, ids[0])
    provider.refunds.refund_in_dashboard(account, dispute.attempt_id, NewProviderRefund(amount=dispute.amount))
    return dispute


def _fail_refund(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    return provider.refunds.fail(account, *ids)


def _open_dispute(provider: Provider, call: Call, account: str, ids: tuple[str, ...]) -> Any:
    new = _read(call, NewDispute) if call.body else NewDispute()
    return provider.disputes.open(account, ids[0], new)


def _close_dispute(provider: Provider, call: Call, account: str, ids: tuple[str, ...]) -> Any:
    return provider.disputes.close(account, ids[0], is_won=_outcome(call, "won", "lost"))


def _reinstate(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    return provider.disputes.reinstate(account, ids[0])


def _onboard(provider: Provider, call: Call, account: str, _: tuple[str, ...]) -> Any:
    page_url = f"http://{call.host}/onboarding/{account}"
    return provider.payouts.onboard(_read(call, NewOnboardingLink), page_url=page_url)


def _onboarding_page(call: Call) -> Page:
    """Show the form of a seller's account, which requires nothing and leads back to the shop."""
    return_url = call.query.get("return_url", "")
    if not return_url.startswith(("http://", "https://")):
        raise Refusal(400, "invalid_request")
    return Page(_ONBOARDING_PAGE.format(return_url=escape(return_url, quote=True)))


def _pay_out(provider: Provider, call: Call, account: str, _: tuple[str, ...]) -> Any:
    return provider.payouts.pay_out(account, _read(call, NewPayout))


def _find_payout(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    return _require(provider.payouts.find_and_settle(account, ids[0]))


def _find_account(provider: Provider, _call: Call, _account: str, ids: tuple[str, ...]) -> Any:
    return _require(provider.payouts.find_account(ids[0]))


def _settle(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    return provider.payouts.settle(account, ids[0])


def _send_back(provider: Provider, _: Call, account: str, ids: tuple[str, ...]) -> Any:
    return provider.payouts.return_from_bank(account, ids[0])


def _entries(provider: Provider, call: Call, account: str, _: tuple[str, ...]) -> Any:
    try:
        since, after = float(call.query.get("since", "0")), int(call.query.get("after", "0"))
    except ValueError as error:
        raise Refusal(400, "invalid_request") from error
    rows = provider.records.entries(account, since=since, after=after, limit=provider.page_rows)
    return {"data": rows, "next": rows[-1]["id"] if len(rows) == provider.page_rows else None}


def _fees(provider: Provider, call: Call, account: str, _: tuple[str, ...]) -> Any:
    """Return the fees of a period: 1.5 % and 20 minor units of a payment, 2000 of a lost dispute."""
    try:
        since, until = float(call.query.get("since", "0")), float(call.query["until"])
        after = int(call.query.get("after", "0"))
    except (KeyError, ValueError) as error:
        raise Refusal(400, "invalid_request") from error
    rows = provider.records.entries_with_fee(account, since=since, until=until, after=after, limit=provider.page_rows)
    return {"data": list(map(_fee, rows)), "next": rows[-1]["id"] if len(rows) == provider.page_rows else None}


def _fee(row: Mapping[str, Any]) -> dict[str, Any]:
    is_dispute = row["kind"] == Kind.CHARGEBACK
    return {
        "id": f"sbx_fee_{row['id']}",
        "kind": "dispute_fee" if is_dispute else "fee",
        "amount": _DISPUTE_FEE if is_dispute else row["amount"] * _FEE_BASIS_POINTS // 10_000 + _FEE_FIXED,
        "currency": row["currency"],
        "at": datetime.fromtimestamp(row["booked_at"], UTC),
        "is_account_wide": False,
    }


def _route(method: str, path: str, action: Action) -> tuple[str, re.Pattern[str], Action]:
    return method, re.compile(path.replace("{}", f"({NAME.pattern})")), action


_ROUTES: Final = (
    _route("POST", "/payments", _authorise),
    _route("GET", "/payments/{}", _find_attempt),
    _route("POST", "/payments/{}/capture", _capture),
    _route("POST", "/payments/{}/void", _void),
    _route("GET", "/payments/{}/action", _action_page),
    _route("POST", "/payments/{}/complete_action", _complete_action),
    _route("POST", "/payments/{}/refunds", _refund),
    _route("GET", "/payments/{}/refunds", _list_refunds),
    _route("POST", "/payments/{}/dashboard_refunds", _refund_in_dashboard),
    _route("GET", "/payments/{}/refunds/{}", _find_refund),
    _route("POST", "/payments/{}/refunds/{}/fail", _fail_refund),
    _route("POST", "/payments/{}/disputes", _open_dispute),
    _route("GET", "/payments/{}/disputes", _list_disputes),
    _route("POST", "/disputes/{}/prevent", _prevent_dispute),
    _route("POST", "/disputes/{}/close", _close_dispute),
    _route("POST", "/disputes/{}/reinstate", _reinstate),
    _route("POST", "/onboarding_links", _onboard),
    _route("POST", "/payouts", _pay_out),
    _route("GET", "/payouts/{}", _find_payout),
    _route("POST", "/payouts/{}/settle", _settle),
    _route("POST", "/payouts/{}/return", _send_back),
    _route("GET", "/accounts/{}", _find_account),
    _route("GET", "/bookings", _entries),
    _route("GET", "/fees", _fees),
)


def _read(call: Call, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(call.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refusal(400, "invalid_request") from error


def _outcome(call: Call, good: str, bad: str) -> bool:
    outcome = call.query.get("outcome", good)
    if outcome not in {good, bad}:
        raise Refusal(400, "invalid_request")
    return outcome == good


def _require(found: T | None) -> T:
    if found is None:
        raise Refusal(404, "not_found")
    return found


def _attempt(attempt: Attempt, call: Call) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(attempt)
    del shown["token"], shown["return_url"]
    shown["captured"] = captured_amount(attempt) if attempt.state == "captured" else None
    if attempt.state == "requires_action":
        path = f"/payments/{attempt.attempt_id}/action?account={attempt.account}"
        shown["action_url"] = f"http://{call.host}{path}"
    return shown
