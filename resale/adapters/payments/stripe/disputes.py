"""Disputes of an intent, as Stripe lists them or tells of them.

Source: docs.stripe.com/api/disputes/object; docs.stripe.com/api/disputes/list.
"""

from datetime import UTC, datetime
from typing import Any, Final

import stripe

from resale.adapters.payments.stripe.amounts import from_stripe
from resale.adapters.payments.stripe.client import raise_unknown
from resale.domain.payments import Dispute, DisputeStatus

#: A status that begins with "warning" is a bank's question: no money was taken. A lost dispute can be appealed.
STATUSES: Final = {
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.OPEN,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "appeal_needs_response": DisputeStatus.LOST,
    "appeal_under_review": DisputeStatus.LOST,
    "prevented": DisputeStatus.PREVENTED,
}
_PAGE: Final = 100  # the most a list gives at once


class Disputes:
    """The disputes of one tenant."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._disputes = client.v1.disputes

    def list_of(self, intent_id: str | None) -> tuple[Dispute, ...]:
        """List the disputes of an intent, the oldest first; none without an intent."""
        if intent_id is None:
            return ()
        with raise_unknown():
            listed = list(self._disputes.list({"payment_intent": intent_id, "limit": _PAGE}).auto_paging_iter())
        disputes = (_dispute(one) for one in sorted(listed, key=lambda one: one.created))
        return tuple(one for one in disputes if one is not None)


def status_of(dispute: Any) -> DisputeStatus | None:
    """Return the status of a dispute; None for a bank's question.

    A prevented dispute is refunded, or blocked without any money. Where Stripe withdrew the amount for it, the
    dispute's own balance transactions show that, and it counts as lost.
    """
    status = STATUSES.get(dispute.status)
    withdrawn = sum(one.amount for one in getattr(dispute, "balance_transactions", None) or ())
    return DisputeStatus.LOST if status == DisputeStatus.PREVENTED and withdrawn < 0 else status


def _dispute(data: stripe.Dispute) -> Dispute | None:
    status = status_of(data)
    if status is None:
        return None
    money, due_by = from_stripe(data.amount, data.currency), data.evidence_details.due_by
    return Dispute(
        provider_reference=data.id,
        status=status,
        amount=money.amount,
        currency=money.currency,
        reason_code=data.reason,
        evidence_due_by=None if due_by is None else datetime.fromtimestamp(due_by, UTC),
    )
