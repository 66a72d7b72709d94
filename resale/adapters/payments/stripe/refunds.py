"""Refunds of an intent, found by our refund id in their metadata; Stripe lists them without delay.

Source: docs.stripe.com/api/refunds; docs.stripe.com/refunds#failed-refunds.
"""

from typing import Final

import stripe

from resale.adapters.payments.stripe.amounts import AmountNotCarriedError, from_stripe, to_stripe
from resale.adapters.payments.stripe.client import code_of, message_of, raise_unknown
from resale.domain.ids import RefundId
from resale.domain.money import Money
from resale.domain.payments import PaymentRequest, ProviderRefund, RefundOutcome, RefundState

_STATES: Final = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
#: Refusals that stay: the money is gone already, or the buyer's bank has it.
_FOR_GOOD: Final = {"charge_already_refunded", "charge_disputed", "refund_disputed_payment", "amount_too_large"}
#: docs.stripe.com/api/refunds/object, pending_reason: processing, insufficient_funds or charge_pending.
_WAITS_FOR_BALANCE: Final = "insufficient_funds"
_PAGE: Final = 100  # the most a list gives at once


class Refunds:
    """The refunds of one tenant."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._refunds = client.v1.refunds

    def find(self, intent_id: str | None, refund_id: RefundId) -> RefundOutcome | None:
        """Find a refund among those of its intent; None without an intent."""
        if intent_id is None:
            return None
        with raise_unknown():
            found = self._find(intent_id, refund_id)
        return None if found is None else _outcome(found)

    def list_of(self, intent_id: str | None) -> tuple[ProviderRefund, ...]:
        """List all refunds of an intent, also those that were made in the dashboard; none without an intent."""
        if intent_id is None:
            return ()
        with raise_unknown():
            listed = self._refunds.list({"payment_intent": intent_id, "limit": _PAGE})
            return tuple(map(_to_listed, listed.auto_paging_iter()))

    def refund(
        self, intent_id: str | None, request: PaymentRequest, *, refund_id: RefundId, amount: Money
    ) -> RefundOutcome:
        """Refund once. It looks for the refund first, because Stripe forgets idempotency keys after a day."""
        if intent_id is None:
            return _build_failed(refund_id, "not_captured")
        with raise_unknown():
            refund = self._find(intent_id, refund_id)
            if refund is not None:
                return _outcome(refund)
            try:
                return _outcome(self._make(intent_id, request, refund_id=refund_id, amount=amount))
            except AmountNotCarriedError:
                return _build_failed(refund_id, "amount_not_supported")
            except stripe.InvalidRequestError as error:
                code = code_of(error)
                if code not in _FOR_GOOD and error.param != "amount":
                    raise
                return _build_failed(refund_id, code or "amount_not_supported", message_of(error))

    def _find(self, intent_id: str, refund_id: RefundId) -> stripe.Refund | None:
        listed = self._refunds.list({"payment_intent": intent_id, "limit": _PAGE})
        for refund in listed.auto_paging_iter():
            if getattr(refund.metadata, "refund_id", None) == refund_id:
                return refund
        return None

    def _make(self, intent_id: str, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> stripe.Refund:
        return self._refunds.create(
            {
                "payment_intent": intent_id,
                "amount": to_stripe(amount),
                "metadata": {
                    "order_id": request.order_id,
                    "attempt_id": request.attempt_id,
                    "refund_id": refund_id,
                },
            },
            {"idempotency_key": refund_id},
        )


def _to_listed(refund: stripe.Refund) -> ProviderRefund:
    refund_id = getattr(refund.metadata, "refund_id", None)
    outcome = _outcome(refund)
    return ProviderRefund(
        provider_reference=refund.id,
        refund_id=RefundId(refund_id) if isinstance(refund_id, str) else None,
        state=outcome.state,
        amount=from_stripe(refund.amount, refund.currency),
        reason_code=outcome.reason_code,
    )


def _outcome(refund: stripe.Refund) -> RefundOutcome:
    state = _STATES.get(refund.status or "", RefundState.PENDING)
    is_failed = state == RefundState.FAILED
    reason = getattr(refund, "failure_reason", None) or refund.status
    return RefundOutcome(
        state=state,
        provider_reference=refund.id,
        reason_code=reason if is_failed else None,
        amount=from_stripe(refund.amount, refund.currency),
        waits_for_balance=getattr(refund, "pending_reason", None) == _WAITS_FOR_BALANCE,
    )


def _build_failed(refund_id: RefundId, reason: str, message: str | None = None) -> RefundOutcome:
    """Return a refund that Stripe does not create: the reference is our own id."""
    return RefundOutcome(state=RefundState.FAILED, provider_reference=refund_id, reason_code=reason, message=message)
