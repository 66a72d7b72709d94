"""Stripe's money movements, as reconciliation reads them.

Balance transactions tell what moved, each with what it was for; a dispute's only tell what is withheld, so the money
that disputes took is read from the events of their end, which Stripe keeps for 30 days. Only money of ours is told of:
what carries an id of ours, itself or by the intent it belongs to. A refund made by hand in Stripe's dashboard belongs
to an intent of ours, so it is told of, under the id with which it is adopted.

Source: docs.stripe.com/reports/balance-transaction-types; docs.stripe.com/api/events/list.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

import stripe

from resale.adapters.payments.stripe.amounts import from_stripe
from resale.adapters.payments.stripe.client import raise_unknown
from resale.adapters.payments.stripe.disputes import status_of
from resale.adapters.payments.stripe.hooks import FAILED_REFUNDS
from resale.domain.ids import OrderId
from resale.domain.partners import BookingKind, ProviderTransaction
from resale.domain.payments import DisputeStatus, adopted_refund_id

_PAGE: Final = 100  # the most a list gives at once
#: By the type of a transaction and what it is for.
_KINDS: Final = {
    ("charge", "charge"): BookingKind.CHARGE,
    ("payment", "charge"): BookingKind.CHARGE,
    ("refund", "refund"): BookingKind.REFUND,
    ("payment_refund", "refund"): BookingKind.REFUND,
    ("transfer", "transfer"): BookingKind.PAYOUT,
}
_DISPUTE_ENDS: Final = ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
_OF_AN_INTENT: Final = {BookingKind.REFUND, BookingKind.CHARGEBACK}
#: How much moved and has not come back, in the currency it was asked in.
_AMOUNTS: Final[dict[BookingKind, Callable[[Any], int]]] = {
    BookingKind.CHARGE: lambda charge: int(charge.amount_captured),
    BookingKind.REFUND: lambda refund: 0 if refund.status in FAILED_REFUNDS else int(refund.amount),
    BookingKind.CHARGEBACK: lambda dispute: int(dispute.amount) if status_of(dispute) == DisputeStatus.LOST else 0,
    BookingKind.PAYOUT: lambda transfer: int(transfer.amount - transfer.amount_reversed),
}


class BalanceTransactions:
    """The money movements of one tenant's Stripe account."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._transactions = client.v1.balance_transactions
        self._events = client.v1.events
        self._intents = client.v1.payment_intents

    def iter_since(self, since: datetime) -> Iterator[ProviderTransaction]:
        """Iterate over the movements since a time that were not reversed, newest first, disputes at the end."""
        with raise_unknown():
            for kind, source in self._sources(int(since.timestamp())):
                booking = self._read(kind, source)
                if booking is not None:
                    yield booking

    def _sources(self, since: int) -> Iterator[tuple[BookingKind, Any]]:
        moved = self._transactions.list({"created": {"gte": since}, "expand": ["data.source"], "limit": _PAGE})
        for transaction in moved.auto_paging_iter():
            kind = _KINDS.get((transaction.type, getattr(transaction.source, "object", "")))
            if kind is not None:
                yield kind, transaction.source
        closed: set[str] = set()  # an appeal ends a dispute for a second time; the newest end counts
        ends = self._events.list({"types": _DISPUTE_ENDS, "created": {"gte": since}, "limit": _PAGE})
        for event in ends.auto_paging_iter():
            dispute: Any = event.data.object
            if dispute.object == "dispute" and dispute.id not in closed:
                closed.add(dispute.id)
                yield BookingKind.CHARGEBACK, dispute

    def _read(self, kind: BookingKind, source: Any) -> ProviderTransaction | None:
        amount = _AMOUNTS[kind](source)
        if amount <= 0:
            return None
        metadata = self._with_owner(source) if kind in _OF_AN_INTENT else source.metadata
        our_id = _our_id(kind, source, metadata)
        if our_id is None:
            return None
        money = from_stripe(amount, source.currency)
        order_id = getattr(metadata, "order_id", None)
        return ProviderTransaction(
            kind=kind,
            our_id=our_id,
            order_id=None if order_id is None else OrderId(order_id),
            provider_reference=source.id,
            amount=money.amount,
            currency=money.currency,
        )

    def _with_owner(self, source: Any) -> Any:
        """Return metadata with the attempt: a dispute has none of its own, nor has a refund created by hand."""
        if getattr(source.metadata, "attempt_id", None) is None and source.payment_intent is not None:
            return self._intents.retrieve(str(source.payment_intent)).metadata
        return source.metadata


def _our_id(kind: BookingKind, source: Any, metadata: Any) -> str | None:
    """Return our id of a movement; None if it is not ours."""
    if kind == BookingKind.PAYOUT:
        return getattr(metadata, "payout_id", None)
    attempt_id = getattr(metadata, "attempt_id", None)
    if kind == BookingKind.REFUND and attempt_id is not None:
        return getattr(source.metadata, "refund_id", None) or adopted_refund_id(str(source.id))
    return attempt_id
