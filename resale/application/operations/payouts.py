"""Paying sellers: everything available, netted, leaves their balance for their bank or as store credit."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from resale.application.operations.idempotency import CommandKey, record_command
from resale.application.operations.sellers import pays_at, seller_account_of
from resale.application.ports import Partners, UnitOfWork
from resale.domain import payout_ledger
from resale.domain.ids import CustomerId, OrderId, PayoutId, SellerId, sibling
from resale.domain.money import Money, share
from resale.domain.partners import pause_after
from resale.domain.payouts import (
    MAX_TRANSFERS,
    PAYOUTS,
    NothingToPayOut,
    Payout,
    PayoutCommand,
    PayoutDestinationMissing,
    PayoutMethod,
    PayoutOutcome,
    PayoutRequest,
    PayoutState,
    PayoutStatus,
)
from resale.domain.sellers import Seller
from resale.domain.transfers import TRANSFERS, Transfer, TransferCommand, payable

_STEP_DUE: Final = timedelta(seconds=30)
_POLL_EVERY: Final = timedelta(hours=6)
_LOOKED_AT_AGAIN: Final = timedelta(hours=1)
_COMMANDS: Final[Mapping[PayoutState, PayoutCommand]] = {
    PayoutState.IN_TRANSIT: PayoutCommand.SEND,
    PayoutState.PAID: PayoutCommand.PAY,
    PayoutState.FAILED: PayoutCommand.FAIL,
    PayoutState.RETURNED: PayoutCommand.RETURN,
}
_CHANGES: Final = {
    PayoutStatus.IN_TRANSIT: "payout.sent",
    PayoutStatus.PAID: "payout.paid",
    PayoutStatus.FAILED: "payout.failed",
    PayoutStatus.RETURNED: "payout.returned",
}
_LOOKED_THROUGH: Final = 10 * MAX_TRANSFERS
_OPEN: Final = frozenset({PayoutStatus.PENDING, PayoutStatus.IN_TRANSIT})


def start_payout(
    *, uow: UnitOfWork, seller_id: SellerId, method: PayoutMethod | None, key: CommandKey | None, now: datetime
) -> Payout:
    """Pay a seller all that is available, debts netted, at most 40 transfers at a time.

    Shape: reads 1 account and up to 40 transfers (400, where the oldest do not sum to what can be paid); commits 1
    payout, the account, its transfers and the ledger (``payout.created`` or, as store credit, ``payout.paid``;
    ``transfer.settled``; ``seller.balance_changed``).

    Args:
        uow: Fresh; committed here once.
        seller_id: Whose balance.
        method: Cash or store credit; None: what the account says.
        key: The command's key, if a client gave one.
        now: Moment of the request, aware UTC.

    Returns:
        The payout: pending as cash (the workflow sends it), paid as store credit.

    Raises:
        NothingToPayOut: Nothing is available, or it is owed.
        PayoutDestinationMissing: Cash, and nobody said where to.
        IdempotencyConflict: The key was used before.
        Conflict: Another writer won; read again.
    """
    seller, is_new = seller_account_of(uow=uow, customer_id=CustomerId(sibling("cus", seller_id)), now=now)
    transfers = () if is_new else _payable(uow, seller)
    if not transfers:
        raise NothingToPayOut("Nothing is available to be paid out.")
    payout = _new_payout(uow=uow, seller=seller, transfers=transfers, method=method, now=now)
    record_command(uow=uow, key=key, entity_id=payout.id)
    _settle(uow=uow, payout=payout, transfers=transfers, now=now)
    _charge(uow=uow, seller=seller, payout=payout, now=now)
    uow.payouts.add(payout, change_type="payout.paid" if payout.status == PayoutStatus.PAID else "payout.created")
    uow.ledger.post(payout_ledger.started(payout, at=now))
    uow.commit()
    return payout


def start_due_payout(*, uow: UnitOfWork, seller_id: SellerId, now: datetime) -> Payout | None:
    """Pay a seller whose time has come, by what their account says; nothing to pay: their wake-up moves on.

    Shape: as ``start_payout``, or commits at most 1 (``seller.payout_passed``). Before its time: no-op.

    Args:
        uow: Fresh; committed here at most once.
        seller_id: Whose balance.
        now: Moment of the task, aware UTC.

    Returns:
        The payout, if there is one.

    Raises:
        Conflict: Another worker was faster; read again.
    """
    seller = uow.sellers.find(seller_id)
    if seller is None or seller.due_at is None or now < seller.due_at:
        return None
    try:
        return start_payout(uow=uow, seller_id=seller_id, method=None, key=None, now=now)
    except (NothingToPayOut, PayoutDestinationMissing):
        # What is on the balance and not yet in the index of transfers is there when it is looked at again.
        again = now + _LOOKED_AT_AGAIN if seller.can_be_paid else None
        asleep = msgspec.structs.replace(seller, version=seller.version + 1, due_at=again, updated_at=now)
        uow.sellers.save(asleep, change_type="seller.payout_passed")
        uow.commit()
        return None


def advance_payout(*, uow: UnitOfWork, partners: Partners, payout_id: PayoutId, now: datetime) -> Payout:
    """Ask what became of a payout, send it if nothing did, and commit the answer with all that follows.

    Shape: reads 1-42 items; at most one partner call with its look-up; commits at most once (``payout.sent``,
    ``.paid``, ``.failed``, ``.returned``, ``.awaited``). What failed is the seller's again, with its transfers.

    Args:
        uow: Fresh; committed here at most once.
        partners: The tenant's partners.
        payout_id: Which.
        now: Moment of the task, aware UTC.

    Returns:
        The payout as it stands.

    Raises:
        PayoutNotFound: No such payout.
        PartnerUnavailable: The partner's answer is not known; the step is asked for again.
        Conflict: Another worker was faster; read again.
    """
    payout = uow.payouts.get(payout_id)
    if payout.method != PayoutMethod.CASH or payout.status not in {*_OPEN, PayoutStatus.PAID}:
        return payout
    payments, request = partners.payments, _request(payout)
    outcome = payments.find_payout(request)
    if outcome is None and payout.status == PayoutStatus.PENDING:
        outcome = payments.pay_out(request)
    return (
        _await_further(uow=uow, payout=payout, now=now)
        if outcome is None
        else _commit_outcome(uow=uow, provider=payments.name, payout=payout, outcome=outcome, now=now)
    )


def postpone_payout(*, uow: UnitOfWork, payout_id: PayoutId, reason_code: str, now: datetime) -> Payout:
    """Put a payout's step off, longer each time: its partner did not answer after several tries.

    Shape: reads 1 item; commits at most 1 (``payout.postponed``). Nothing waits: no-op.

    Args:
        uow: Fresh; committed here at most once.
        payout_id: Which.
        reason_code: The outcome's code.
        now: Moment of the task, aware UTC.

    Returns:
        The payout, due again in half a minute to an hour.

    Raises:
        PayoutNotFound: No such payout.
        Conflict: Another worker was faster; read again.
    """
    payout = uow.payouts.get(payout_id)
    if payout.status not in _OPEN:
        return payout
    payout = msgspec.structs.replace(
        payout,
        version=payout.version + 1,
        step_tries=payout.step_tries + 1,
        updated_at=now,
        due_at=now + pause_after(payout.step_tries),
    )
    uow.payouts.save(payout, change_type="payout.postponed", reason_code=reason_code)
    uow.commit()
    return payout


def _payable(uow: UnitOfWork, seller: Seller) -> tuple[Transfer, ...]:
    """Choose what is paid: of the oldest transfers, or of more where debts lie behind them."""
    for limit in (MAX_TRANSFERS, _LOOKED_THROUGH):
        found = uow.transfers.list_available(seller.customer_id, limit=limit)
        chosen = payable(found, balance=seller.available, limit=MAX_TRANSFERS)
        if chosen or len(found) < limit:
            return chosen
    return ()


def _new_payout(
    *, uow: UnitOfWork, seller: Seller, transfers: tuple[Transfer, ...], method: PayoutMethod | None, now: datetime
) -> Payout:
    method = method or seller.payout_method
    amount = sum(transfer.amount for transfer in transfers)
    in_cash = method == PayoutMethod.CASH
    if in_cash and seller.payout_destination is None:
        raise PayoutDestinationMissing("Say where cash goes to first.")
    return Payout(
        id=PayoutId(uow.ids("pyt")),
        version=1,
        livemode=not uow.tenant.sandbox,
        status=PayoutStatus.PENDING if in_cash else PayoutStatus.PAID,
        seller_id=seller.customer_id,
        method=method,
        destination=seller.payout_destination if in_cash else None,
        amount=amount,
        bonus=0 if in_cash else share(amount, uow.tenant.policies.store_credit_bonus_basis_points),
        currency=seller.currency,
        transfers=tuple((transfer.order_id, transfer.id) for transfer in transfers),
        created_at=now,
        updated_at=now,
        paid_at=None if in_cash else now,
        due_at=now + _STEP_DUE if in_cash else None,
    )


def _settle(*, uow: UnitOfWork, payout: Payout, transfers: tuple[Transfer, ...], now: datetime) -> None:
    for transfer in transfers:
        settled = msgspec.structs.replace(
            transfer,
            status=TRANSFERS.next_status(transfer.status, TransferCommand.SETTLE),
            version=transfer.version + 1,
            payout_id=payout.id,
            updated_at=now,
        )
        uow.transfers.save(settled, change_type="transfer.settled")


def _charge(*, uow: UnitOfWork, seller: Seller, payout: Payout, now: datetime) -> None:
    credit = 0 if payout.method == PayoutMethod.CASH else payout.amount + payout.bonus
    left = seller.available - payout.amount
    seller = msgspec.structs.replace(
        seller,
        version=seller.version + 1,
        available=left,
        store_credit=seller.store_credit + credit,
        updated_at=now,
    )
    again = now + _STEP_DUE if seller.can_be_paid else None  # more transfers than one payout takes
    uow.sellers.save(msgspec.structs.replace(seller, due_at=again), change_type="seller.balance_changed")


def _request(payout: Payout) -> PayoutRequest:
    return PayoutRequest(
        payout_id=payout.id,
        amount=Money(amount=payout.amount, currency=payout.currency),
        destination=payout.destination or "",
        provider_reference=payout.provider_reference,
    )


def _commit_outcome(*, uow: UnitOfWork, provider: str, payout: Payout, outcome: PayoutOutcome, now: datetime) -> Payout:
    command = _COMMANDS[outcome.state]
    if not PAYOUTS.permits(payout.status, command):
        return _await_further(uow=uow, payout=payout, now=now)
    status = PAYOUTS.next_status(payout.status, command)
    if outcome.provider_reference != payout.provider_reference:
        uow.references.add(provider=provider, reference=outcome.provider_reference, entity_id=payout.id)
    moved = msgspec.structs.replace(
        payout,
        status=status,
        version=payout.version + 1,
        step_tries=0,
        provider_reference=outcome.provider_reference,
        failure_code=outcome.reason_code,
        paid_at=now if status == PayoutStatus.PAID else payout.paid_at,
        due_at=now + _POLL_EVERY if status == PayoutStatus.IN_TRANSIT else None,
        updated_at=now,
    )
    uow.payouts.save(moved, change_type=_CHANGES[status], reason_code=outcome.reason_code)
    if status in {PayoutStatus.FAILED, PayoutStatus.RETURNED}:
        _give_back(uow=uow, payout=moved, now=now)
    if (booking := payout_ledger.settled(payout, moved, at=now)) is not None:
        uow.ledger.post(booking)
    uow.commit()
    return moved


def _await_further(*, uow: UnitOfWork, payout: Payout, now: datetime) -> Payout:
    """Ask again later for what is still under way; asked before its time, or over: nothing."""
    if payout.status not in _OPEN or payout.due_at is None or now < payout.due_at:
        return payout
    payout = msgspec.structs.replace(
        payout, version=payout.version + 1, updated_at=now, due_at=now + _POLL_EVERY, step_tries=0
    )
    uow.payouts.save(payout, change_type="payout.awaited")
    uow.commit()
    return payout


def _give_back(*, uow: UnitOfWork, payout: Payout, now: datetime) -> None:
    """Buffer that what did not arrive is the seller's again; they are asked for another destination."""
    for order_id, transfer_id in payout.transfers:
        transfer = uow.transfers.get(OrderId(order_id), transfer_id)
        reopened = msgspec.structs.replace(
            transfer,
            status=TRANSFERS.next_status(transfer.status, TransferCommand.REOPEN),
            version=transfer.version + 1,
            payout_id=None,
            updated_at=now,
        )
        uow.transfers.save(reopened, change_type="transfer.reopened")
    seller, _ = seller_account_of(uow=uow, customer_id=payout.seller_id, now=now)
    seller = msgspec.structs.replace(
        seller,
        version=seller.version + 1,
        available=seller.available + payout.amount,
        payout_destination=None if seller.payout_destination == payout.destination else seller.payout_destination,
        updated_at=now,
    )
    seller = msgspec.structs.replace(seller, due_at=pays_at(uow=uow, seller=seller, now=now))
    uow.sellers.save(seller, change_type="seller.balance_changed", reason_code="payout_failed")
