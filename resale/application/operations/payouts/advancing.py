"""The workflow of a payout: sent once, polled until it cannot be returned any more."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from resale.application.operations.payouts.cancelling import cancel_unsent
from resale.application.operations.payouts.reversals import reverse_payout
from resale.application.ports import Partners, UnitOfWork
from resale.domain import payout_ledger
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId, PayoutId
from resale.domain.issues import WAITING, Issue, clear_issues, issues_of, raise_issue
from resale.domain.money import Money
from resale.domain.payout_failures import FailureCause, cause_of
from resale.domain.payouts import (
    ON_ITS_WAY,
    PAYOUTS,
    STEP_DUE,
    WATCHED_FOR,
    Payout,
    PayoutCommand,
    PayoutMethod,
    PayoutOutcome,
    PayoutRequest,
    PayoutState,
    PayoutStatus,
    transition_payout,
)
from resale.domain.reasons import free_code
from resale.domain.versions import next_version

_POLL_EVERY: Final = timedelta(hours=6)
_WATCH_EVERY: Final = timedelta(days=1)  # one that was paid: the webhook tells that it came back, unless it is lost
#: Failures that only staff of the shop can look into; the payout is retried meanwhile.
_STAFF_ACT: Final = frozenset({FailureCause.AMOUNT, FailureCause.PLATFORM})
_COMMANDS: Final[Mapping[PayoutState, PayoutCommand]] = {
    PayoutState.IN_TRANSIT: PayoutCommand.SEND,
    PayoutState.PAID: PayoutCommand.PAY,
    PayoutState.FAILED: PayoutCommand.FAIL,
    PayoutState.RETURNED: PayoutCommand.RETURN,
}
_HELD_UP: Final = frozenset({PayoutState.STUCK, PayoutState.UNREACHABLE})
_SOLVED: Final = (*WAITING, Issue.PAYOUT_STUCK)
_CHANGES: Final = {
    PayoutStatus.IN_TRANSIT: ChangeType.PAYOUT_SENT,
    PayoutStatus.PAID: ChangeType.PAYOUT_PAID,
    PayoutStatus.FAILED: ChangeType.PAYOUT_FAILED,
    PayoutStatus.RETURNED: ChangeType.PAYOUT_RETURNED,
}


def advance_payout(uow: UnitOfWork, *, partners: Partners, payout_id: PayoutId) -> Payout:
    """Check a payout at the provider, send it if needed, and commit the result with its effects.

    That sending begins is committed before, by a step of its own: nobody can cancel what the provider may have paid.
    One that was paid is looked at daily for some days, since the webhook that says it came back may be lost.

    Shape: reads 1-42 items; at most one partner call with its look-up; commits at most once
    (``payout.sending_started``, ``.sent``, ``.paid``, ``.failed``, ``.returned``, ``.stuck``, ``.awaited``,
    ``.cancelled``). What failed is the seller's again, with its transfers.

    Args:
        uow: Fresh; committed here at most once.
        partners: The tenant's partners.
        payout_id: Which.

    Returns:
        The payout as it stands.

    Raises:
        PayoutNotFound: No such payout.
        PartnerUnavailable: The partner's response is not known; the step is asked for again.
        Conflict: Another worker was faster; read again.
    """
    payout = uow.payouts.get(payout_id)
    if payout.method != PayoutMethod.CASH or payout.status not in {*ON_ITS_WAY, PayoutStatus.PAID}:
        return payout
    if payout.may_be_cancelled:
        return _begin_sending(uow, payout=payout)
    payments, request = partners.payments, _request(payout)
    outcome = payments.find_payout(request)
    if outcome is None and payout.status == PayoutStatus.PENDING:
        outcome = payments.pay_out(request)
    return (
        _await_further(uow, payout=payout)
        if outcome is None
        else _commit_outcome(uow, provider=payments.name, payout=payout, outcome=outcome)
    )


def _begin_sending(uow: UnitOfWork, *, payout: Payout) -> Payout:
    """Commit that sending begins; a payout with a sale that is disputed by now is cancelled, and the rest paid anew."""
    if any(uow.transfers.get(OrderId(order_id), transfer_id).is_frozen for order_id, transfer_id in payout.transfers):
        return cancel_unsent(uow, payout=payout, reason=Issue.DISPUTE_OPEN)
    payout = msgspec.structs.replace(payout, may_be_cancelled=False, due_at=uow.now + STEP_DUE)
    payout = next_version(payout, now=uow.now)
    uow.payouts.save(payout, change_type=ChangeType.PAYOUT_SENDING_STARTED)
    uow.commit()
    return payout


def _next_poll_at(uow: UnitOfWork, payout: Payout) -> datetime | None:
    """Return when a payout is polled again; a paid one, until it cannot be returned any more."""
    if payout.status in ON_ITS_WAY:
        return uow.now + _POLL_EVERY
    is_watched = payout.paid_at is not None and uow.now < payout.paid_at + WATCHED_FOR
    return uow.now + _WATCH_EVERY if payout.status == PayoutStatus.PAID and is_watched else None


def _request(payout: Payout) -> PayoutRequest:
    return PayoutRequest(
        payout_id=payout.id,
        amount=Money(amount=payout.amount, currency=payout.currency),
        destination=payout.destination or "",
        provider_reference=payout.provider_reference,
    )


def _commit_outcome(uow: UnitOfWork, *, provider: str, payout: Payout, outcome: PayoutOutcome) -> Payout:
    if outcome.state in _HELD_UP:
        return _commit_stuck(uow, provider=provider, payout=payout, outcome=outcome)
    command = _COMMANDS[outcome.state]
    if not PAYOUTS.permits(payout.status, command):
        return _await_further(uow, payout=payout)
    if outcome.provider_reference != payout.provider_reference:
        uow.references.add(provider=provider, reference=outcome.provider_reference, entity_id=payout.id)
    reported = msgspec.structs.replace(
        payout,
        step_tries=0,
        provider_reference=outcome.provider_reference,
        failure_code=outcome.reason_code,
        partner_message=outcome.message,
        paid_at=uow.now if command == PayoutCommand.PAY else payout.paid_at,
    )
    after = transition_payout(clear_issues(reported, *_SOLVED), command, now=uow.now)
    after = msgspec.structs.replace(after, due_at=_next_poll_at(uow, after))
    has_failed = after.status in {PayoutStatus.FAILED, PayoutStatus.RETURNED}
    if has_failed and cause_of(after.failure_code) in _STAFF_ACT:
        after = raise_issue(after, Issue.PAYOUT_FAILED)
    uow.payouts.save(after, change_type=_CHANGES[after.status], reason_code=free_code(outcome.reason_code))
    if has_failed:
        reverse_payout(uow, payout=after)
    if (booking := payout_ledger.settle(payout, after, at=uow.now)) is not None:
        uow.ledger.post(booking)
    uow.commit()
    return after


def _commit_stuck(uow: UnitOfWork, *, provider: str, payout: Payout, outcome: PayoutOutcome) -> Payout:
    """Commit that a payout neither arrived nor came back, for staff; its status stays. One that was paid is over."""
    is_known = Issue.PAYOUT_STUCK in issues_of(payout)
    is_over = payout.status == PayoutStatus.PAID and outcome.state == PayoutState.UNREACHABLE
    if is_over or is_known:
        return _await_further(uow, payout=payout, is_stuck=is_known)
    if outcome.provider_reference != payout.provider_reference:
        uow.references.add(provider=provider, reference=outcome.provider_reference, entity_id=payout.id)
    stuck = msgspec.structs.replace(
        clear_issues(payout, *WAITING),
        step_tries=0,
        provider_reference=outcome.provider_reference,
        failure_code=outcome.reason_code,
        partner_message=outcome.message,
        due_at=uow.now + _WATCH_EVERY,
    )
    stuck = next_version(raise_issue(stuck, Issue.PAYOUT_STUCK), now=uow.now)
    uow.payouts.save(stuck, change_type=ChangeType.PAYOUT_STUCK, reason_code=free_code(outcome.reason_code))
    uow.commit()
    return stuck


def _await_further(uow: UnitOfWork, *, payout: Payout, is_stuck: bool = False) -> Payout:
    """Schedule the next poll of a payout in transit or of a paid one; before its time, nothing is written."""
    if payout.due_at is None or uow.now < payout.due_at:
        return payout
    due_at = uow.now + _WATCH_EVERY if is_stuck else _next_poll_at(uow, payout)
    payout = msgspec.structs.replace(payout, due_at=due_at, step_tries=0)
    payout = next_version(clear_issues(payout, *(WAITING if is_stuck else _SOLVED)), now=uow.now)
    uow.payouts.save(payout, change_type=ChangeType.PAYOUT_AWAITED)
    uow.commit()
    return payout
