"""Refunds and disputes, never of more than the captured amount."""

from typing import Final

import msgspec

from deploy.local.payments.rows import (
    Attempt,
    Dispute,
    Kind,
    NewDispute,
    NewProviderRefund,
    NewRefund,
    Refund,
    entry_of,
    new_reference,
)
from deploy.local.payments.service import ProviderContext, Refusal

_FAILING_CALLS: Final = 2


class Refunds:
    """The refunds of all accounts."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    def find(self, account: str, refund_id: str) -> Refund | None:
        """Return a refund; None if it is unknown."""
        return self._context.records.find(Refund, account, refund_id)

    def refund(self, account: str, attempt_id: str, new: NewRefund) -> Refund:
        """Refund once; a refund that is not possible is a failed refund.

        Raises:
            Refusal: The id stands for another refund.
            ProviderError: Not now; nothing was known.
            ResponseLost: Booked; do not respond.
        """
        with self._context.exclusive(account, attempt_id):
            known = self.find(account, new.refund_id)
            if known is not None:
                return _same(known, attempt_id, new)
            return self._refund(account, attempt_id, new)

    def list_of(self, account: str, attempt_id: str) -> list[Refund]:
        """Return all refunds of an attempt, the oldest first."""
        return self._context.records.list_of(Refund, account, attempt_id)

    def refund_in_dashboard(self, account: str, attempt_id: str, new: NewProviderRefund) -> Refund:
        """Refund as a person does in the provider's dashboard: with an id of the provider's own.

        Raises:
            Refusal: There is not so much left.
        """
        with self._context.exclusive(account, attempt_id):
            attempt = self._context.records.find(Attempt, account, attempt_id)
            left = self._context.records.sums(account, attempt_id).left
            amount = left if new.amount is None else new.amount
            if attempt is None or not 0 < amount <= left:
                raise Refusal(422, "nothing_to_refund")
            asked = NewRefund(refund_id=new_reference("dash"), amount=amount, currency=attempt.currency)
            return self._refund(account, attempt_id, asked)

    def fail(self, account: str, attempt_id: str, refund_id: str) -> Refund:
        """Return a succeeded refund from the buyer's bank; a failed one does not change.

        Raises:
            Refusal: No such refund.
        """
        with self._context.exclusive(account, attempt_id):
            refund = self.find(account, refund_id)
            if refund is None or refund.attempt_id != attempt_id:
                raise Refusal(404, "not_found")
            if refund.state != "succeeded":
                return refund
            refund = msgspec.structs.replace(refund, state="failed", reason="account_closed")
            self._context.records.write(refund, entry_of(refund, Kind.REFUND_REVERSAL))
            self._context.notify(account, "refund.failed", refund)
            return refund

    def _refund(self, account: str, attempt_id: str, new: NewRefund) -> Refund:
        attempt = self._context.records.find(Attempt, account, attempt_id)
        token = "" if attempt is None else attempt.token
        if token == "tok_refund_error":  # noqa: S105 - a sandbox token
            self._context.fail_first(account, f"refund of {attempt_id}", times=_FAILING_CALLS)
        reason = self._refusal_reason(attempt, new)
        refund = Refund(
            account=account,
            attempt_id=attempt_id,
            order_id="" if attempt is None else attempt.order_id,
            state="succeeded" if reason is None else "failed",
            reason=reason,
            reference=new_reference(),
            **msgspec.to_builtins(new),
        )
        self._context.records.write(refund, *(() if reason else (entry_of(refund, Kind.REFUND),)))
        self._context.notify(account, f"refund.{refund.state}", refund)
        if token == "tok_refund_timeout":  # noqa: S105 - a sandbox token
            self._context.lose_first_response(account, f"refund of {attempt_id}")
        return refund

    def _refusal_reason(self, attempt: Attempt | None, new: NewRefund) -> str | None:
        if attempt is None or attempt.state != "captured":
            return "not_captured"
        if new.currency != attempt.currency:
            return "currency_mismatch"
        left = self._context.records.sums(attempt.account, attempt.attempt_id).left
        return "amount_too_large" if new.amount > left else None


class Disputes:
    """The disputes of all accounts. An open one withholds the amount, a lost one reverses it, a won one releases it."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    def open(self, account: str, attempt_id: str, new: NewDispute) -> Dispute:
        """Open a dispute.

        Raises:
            Refusal: There is not so much to take.
        """
        with self._context.exclusive(account, attempt_id):
            attempt = self._context.records.find(Attempt, account, attempt_id)
            left = self._context.records.sums(account, attempt_id).left
            amount = left if new.amount is None else new.amount
            if attempt is None or not 0 < amount <= left:
                raise Refusal(422, "nothing_to_dispute")
            return self._set_state(_dispute(attempt, amount=amount, reason=new.reason), "open", Kind.WITHHOLDING)

    def list_of(self, account: str, attempt_id: str) -> list[Dispute]:
        """Return all disputes of an attempt, the oldest first."""
        return self._context.records.list_of(Dispute, account, attempt_id)

    def prevent(self, account: str, dispute_id: str) -> Dispute:
        """End an open dispute before it is a chargeback; the provider refunds the amount by itself.

        Raises:
            Refusal: No such dispute.
        """
        with self._context.exclusive(account, dispute_id):
            dispute = self._context.records.find(Dispute, account, dispute_id)
            if dispute is None:
                raise Refusal(404, "not_found")
            if dispute.state != "open":
                return dispute
            return self._set_state(dispute, "prevented", Kind.WITHHOLDING_END)

    def close(self, account: str, dispute_id: str, *, is_won: bool) -> Dispute:
        """Decide a dispute once; a later decision has no effect.

        Raises:
            Refusal: No such dispute.
        """
        with self._context.exclusive(account, dispute_id):
            dispute = self._context.records.find(Dispute, account, dispute_id)
            if dispute is None:
                raise Refusal(404, "not_found")
            if dispute.state != "open":
                return dispute
            if is_won:
                return self._set_state(dispute, "won", Kind.WITHHOLDING_END)
            return self._set_state(dispute, "lost", Kind.WITHHOLDING_END, Kind.CHARGEBACK)

    def reinstate(self, account: str, dispute_id: str) -> Dispute:
        """Reinstate a lost dispute: it is won.

        Raises:
            Refusal: No such dispute.
        """
        with self._context.exclusive(account, dispute_id):
            dispute = self._context.records.find(Dispute, account, dispute_id)
            if dispute is None:
                raise Refusal(404, "not_found")
            return dispute if dispute.state != "lost" else self._set_state(dispute, "won", Kind.CHARGEBACK_REVERSAL)

    def _set_state(self, dispute: Dispute, state: str, *kinds: Kind) -> Dispute:
        dispute = msgspec.structs.replace(dispute, state=state)
        self._context.records.write(dispute, *(entry_of(dispute, kind) for kind in kinds))
        self._context.notify(dispute.account, "dispute.opened" if state == "open" else "dispute.closed", dispute)
        return dispute


def _dispute(attempt: Attempt, *, amount: int, reason: str) -> Dispute:
    return Dispute(
        account=attempt.account,
        dispute_id=new_reference("dsp"),
        attempt_id=attempt.attempt_id,
        order_id=attempt.order_id,
        amount=amount,
        currency=attempt.currency,
        state="",
        reason=reason,
    )


def _same(known: Refund, attempt_id: str, new: NewRefund) -> Refund:
    if (known.attempt_id, known.amount, known.currency) != (attempt_id, new.amount, new.currency):
        raise Refusal(422, "refund_reused")
    return known
