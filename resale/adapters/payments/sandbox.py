"""The sandbox payment provider over HTTP. It keeps its own records, so that a double charge is visible."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeVar

import msgspec
import urllib3

from resale.adapters.payments.failures import PartnerRequestError
from resale.adapters.payments.signatures import check_signature
from resale.domain.account_movements import AccountMovement
from resale.domain.ids import OrderId, PayoutId, RefundId
from resale.domain.money import Money
from resale.domain.onboarding import OnboardingLink, OnboardingRequest
from resale.domain.partners import (
    UNREADABLE,
    BookingKind,
    PartnerEvent,
    PartnerMisconfigured,
    PartnerUnavailable,
    ProviderTransaction,
    WebhookUnreadable,
)
from resale.domain.payments import (
    Dispute,
    DisputeStatus,
    PaymentOutcome,
    PaymentRequest,
    PaymentState,
    ProviderRefund,
    RefundOutcome,
    RefundState,
    adopted_refund_id,
)
from resale.domain.payouts import PayoutOutcome, PayoutRequest, PayoutState
from resale.domain.sellers import PayoutAccount
from resale.settings import Settings

SIGNATURE_HEADER: Final = "sandbox-signature"

_OK: Final = 200
_NOT_FOUND: Final = 404
_WRONG_REQUESTS: Final = {400, 404, 405, 413, 422}
_TOPICS: Final = {"payment", "refund", "payout", "dispute"}
_DASHBOARD: Final = "dash_"  # how the id of a refund begins that was made at the provider
_CONNECTIONS: Final = 16  # kept open, of one process

T = TypeVar("T")


class _PaymentResponse(msgspec.Struct):
    state: PaymentState
    reference: str
    reason: str | None = None
    action_url: str | None = None
    captured: int | None = None
    currency: str = ""


class _RefundResponse(msgspec.Struct):
    state: RefundState
    reference: str
    amount: int
    currency: str
    refund_id: str
    reason: str | None = None


class _RefundList(msgspec.Struct):
    data: list[_RefundResponse]


class _PayoutResponse(msgspec.Struct):
    state: PayoutState
    reference: str
    reason: str | None = None


class _Transaction(msgspec.Struct):
    kind: BookingKind
    our_id: str
    order_id: str
    reference: str
    amount: int
    currency: str


class _Transactions(msgspec.Struct):
    data: list[_Transaction]
    next: int | None


class _Fees(msgspec.Struct):
    data: list[AccountMovement]
    next: int | None


class _Webhook(msgspec.Struct):
    id: str
    type: str
    created_at: datetime
    data: msgspec.Raw
    livemode: bool = False  # no real money moves here


class _Subject(msgspec.Struct):
    """The subject of an event; its type determines the fields that are set."""

    reference: str | None = None
    order_id: str | None = None
    payout_id: str | None = None
    refund_id: str | None = None


class _DisputeData(msgspec.Struct):
    dispute_id: str
    state: DisputeStatus
    amount: int
    reason: str
    currency: str | None = None


class _DisputeList(msgspec.Struct):
    data: list[_DisputeData]


class SandboxPayments:
    """Implements ``resale.application.ports.PaymentProvider`` for one tenant, which is ``account`` at the provider.

    Nothing is tried again here: a retry is a step of the workflow, which asks what became of the attempt first.
    """

    name = "sandbox"

    def __init__(self, settings: Settings, *, account: str, webhook_secret: str | None = None) -> None:
        self._url = settings.payments_url
        self._account = account
        self._webhook_secret = webhook_secret
        self._pool = _shared_pool(settings.connect_timeout_seconds, settings.payments_timeout_seconds)

    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        """Authorise the payment."""
        body = {
            "attempt_id": request.attempt_id,
            "order_id": request.order_id,
            "amount": request.amount.amount,
            "currency": request.amount.currency,
            "token": request.token,
            "return_url": request.return_url,
        }
        return _payment(self._request("POST", "/payments", body))

    def find_payment(self, request: PaymentRequest) -> PaymentOutcome | None:
        """Return the state of a payment attempt; None if the provider never received it."""
        response = self._find(f"/payments/{request.attempt_id}")
        return None if response is None else _payment(response)

    def capture(self, request: PaymentRequest) -> PaymentOutcome:
        """Capture the payment; an attempt that the provider never received is voided."""
        return _payment(self._request("POST", f"/payments/{request.attempt_id}/capture"))

    def void(self, request: PaymentRequest) -> PaymentOutcome:
        """Void an attempt, or close one that was never received."""
        return _payment(self._request("POST", f"/payments/{request.attempt_id}/void"))

    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        """Refund a payment, in full or in part; a refund that is not possible is a failed refund."""
        body = {"refund_id": refund_id, "amount": amount.amount, "currency": amount.currency}
        return _refund(self._request("POST", f"/payments/{request.attempt_id}/refunds", body))

    def find_refund(self, request: PaymentRequest, *, refund_id: RefundId) -> RefundOutcome | None:
        """Return the state of a refund; None if the provider never received it."""
        response = self._find(f"/payments/{request.attempt_id}/refunds/{refund_id}")
        return None if response is None else _refund(response)

    def list_refunds(self, request: PaymentRequest) -> tuple[ProviderRefund, ...]:
        """List all refunds of a payment, also those that the provider made by itself."""
        listed = _decode(self._request("GET", f"/payments/{request.attempt_id}/refunds"), _RefundList)
        return tuple(map(_listed_refund, listed.data))

    def list_disputes(self, request: PaymentRequest) -> tuple[Dispute, ...]:
        """List all disputes of a payment, the oldest first."""
        listed = _decode(self._request("GET", f"/payments/{request.attempt_id}/disputes"), _DisputeList)
        return tuple(_to_dispute(one, told_at=None) for one in listed.data)

    def onboard(self, request: OnboardingRequest) -> OnboardingLink:
        """Open an account at the sandbox, which is active at once, and return a link to its form."""
        body = {"seller_id": request.seller_id, "account": request.account, "return_url": request.return_url}
        return _decode(self._request("POST", "/onboarding_links", body), OnboardingLink)

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        """Pay out to a seller."""
        body = {
            "payout_id": request.payout_id,
            "amount": request.amount.amount,
            "currency": request.amount.currency,
            "destination": request.destination,
        }
        return _payout(self._request("POST", "/payouts", body))

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        """Return the state of a payout; None if the provider never received it."""
        response = self._find(f"/payouts/{request.payout_id}")
        return None if response is None else _payout(response)

    def find_payout_account(self, destination: str) -> PayoutAccount | None:
        """Return the state of a seller's account at the sandbox; None if there is none."""
        response = self._find(f"/accounts/{destination}")
        return None if response is None else _decode(response, PayoutAccount)

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify and parse a webhook."""
        check_signature(body, headers.get(SIGNATURE_HEADER), secrets=self._webhook_secret)
        try:
            return _event(msgspec.json.decode(body, type=_Webhook))
        except UNREADABLE as error:
            raise WebhookUnreadable("The sandbox's event cannot be parsed.") from error

    def iter_transactions(self, *, since: datetime) -> Iterator[ProviderTransaction]:
        """Iterate over the sandbox's money movements, oldest first, by the wall clock of its process."""
        after: int | None = 0
        while after is not None:
            path = f"/bookings?since={since.timestamp()}&after={after}"
            page = _decode(self._request("GET", path), _Transactions)
            for transaction in page.data:
                yield _to_transaction(transaction)
            after = page.next

    def iter_account_movements(self, *, since: datetime, until: datetime) -> Iterator[AccountMovement]:
        """Iterate over the sandbox's fees, oldest first, by the wall clock of its process."""
        after: int | None = 0
        while after is not None:
            path = f"/fees?since={since.timestamp()}&until={until.timestamp()}&after={after}"
            page = _decode(self._request("GET", path), _Fees)
            yield from page.data
            after = page.next

    def _request(self, method: str, path: str, body: object | None = None) -> bytes:
        status, response = self._call(method, path, body)
        if status in _WRONG_REQUESTS:
            raise PartnerRequestError(f"The sandbox refused {method} {path}: {status} {response[:200]!r}.")
        return _require_ok(status, response)

    def _find(self, path: str) -> bytes | None:
        status, response = self._call("GET", path, None)
        return None if status == _NOT_FOUND else _require_ok(status, response)

    def _call(self, method: str, path: str, body: object | None) -> tuple[int, bytes]:
        if self._url is None:
            raise PartnerMisconfigured("No payment provider is configured.", retry_after_seconds=60)
        content = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json", "X-Sandbox-Account": self._account}
        try:
            response = self._pool.request(method, self._url + path, body=content, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise PartnerUnavailable(f"The payment provider did not respond: {type(error).__name__}.") from error
        return response.status, response.data


@lru_cache(maxsize=4)
def _shared_pool(connect_seconds: float, read_seconds: float) -> urllib3.PoolManager:
    """Return the connection pool of the process, which all tenants share."""
    timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
    return urllib3.PoolManager(timeout=timeout, retries=False, maxsize=_CONNECTIONS)


os.register_at_fork(after_in_child=_shared_pool.cache_clear)  # its sockets are the parent's


def _require_ok(status: int, response: bytes) -> bytes:
    if status != _OK:
        raise PartnerUnavailable(f"The payment provider responded with status {status}.")
    return response


def _decode(response: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PartnerUnavailable("The payment provider's response cannot be parsed.") from error


def _payment(response: bytes) -> PaymentOutcome:
    decoded = _decode(response, _PaymentResponse)
    return PaymentOutcome(
        state=decoded.state,
        provider_reference=decoded.reference,
        reason_code=decoded.reason,
        action_url=decoded.action_url,
        captured=None if decoded.captured is None else Money(amount=decoded.captured, currency=decoded.currency),
    )


def _refund(response: bytes) -> RefundOutcome:
    decoded = _decode(response, _RefundResponse)
    return RefundOutcome(
        state=decoded.state,
        provider_reference=decoded.reference,
        reason_code=decoded.reason,
        amount=Money(amount=decoded.amount, currency=decoded.currency),
    )


def _listed_refund(refund: _RefundResponse) -> ProviderRefund:
    is_ours = not refund.refund_id.startswith(_DASHBOARD)
    return ProviderRefund(
        provider_reference=refund.reference,
        refund_id=RefundId(refund.refund_id) if is_ours else None,
        state=refund.state,
        amount=Money(amount=refund.amount, currency=refund.currency),
        reason_code=refund.reason,
    )


def _payout(response: bytes) -> PayoutOutcome:
    decoded = _decode(response, _PayoutResponse)
    return PayoutOutcome(state=decoded.state, provider_reference=decoded.reference, reason_code=decoded.reason)


def _to_transaction(transaction: _Transaction) -> ProviderTransaction:
    is_foreign = transaction.kind == BookingKind.REFUND and transaction.our_id.startswith(_DASHBOARD)
    return ProviderTransaction(
        kind=transaction.kind,
        our_id=adopted_refund_id(transaction.reference) if is_foreign else transaction.our_id,
        order_id=OrderId(transaction.order_id) if transaction.order_id else None,
        provider_reference=transaction.reference,
        amount=transaction.amount,
        currency=transaction.currency,
    )


def _event(webhook: _Webhook) -> PartnerEvent:
    subject = msgspec.json.decode(webhook.data, type=_Subject)
    topic = webhook.type.partition(".")[0]
    if topic not in _TOPICS:
        raise WebhookUnreadable("The sandbox sent an event about an unknown object.")
    return PartnerEvent(
        provider_event_id=webhook.id,
        kind=webhook.type,
        livemode=webhook.livemode,
        occurred_at=webhook.created_at,
        order_id=OrderId(subject.order_id) if subject.order_id else None,
        payout_id=PayoutId(subject.payout_id) if subject.payout_id else None,
        failed_refund_id=RefundId(subject.refund_id) if webhook.type == "refund.failed" and subject.refund_id else None,
        reviews_payment=topic in {"refund", "dispute"},
        reference=subject.reference,
        dispute=_dispute(webhook.data, told_at=webhook.created_at) if topic == "dispute" else None,
    )


def _dispute(data: msgspec.Raw, *, told_at: datetime) -> Dispute:
    return _to_dispute(msgspec.json.decode(data, type=_DisputeData), told_at=told_at)


def _to_dispute(data: _DisputeData, *, told_at: datetime | None) -> Dispute:
    return Dispute(
        provider_reference=data.dispute_id,
        status=data.state,
        amount=data.amount,
        currency=data.currency,
        reason_code=data.reason,
        told_at=told_at,
    )
