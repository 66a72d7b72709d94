"""Reconciliation of payment provider, ledger, and orders and payouts."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from resale.application.ports import PaymentProvider, Reader
from resale.application.queries.ledger.balance_checks import check_payouts, check_sellers
from resale.application.queries.ledger.differences import Difference, DifferenceKind
from resale.application.queries.ledger.permissions import check_ledger_permission
from resale.domain.access import Principal
from resale.domain.account_movements import is_account_movement
from resale.domain.accounts import SELLERS, STORE_CREDIT
from resale.domain.entities import ORDER, PAYOUT
from resale.domain.ids import ORDER_ID, PAYOUT_ID, CustomerId, OrderId, PayoutId
from resale.domain.ledger import PROVIDER, LedgerEntry, refund_of_step
from resale.domain.orders import OrderStatus
from resale.domain.partners import BookingKind, ProviderTransaction
from resale.domain.payments import Payment, Refund, RefundState
from resale.domain.payouts import PayoutMethod, PayoutStatus

MAX_DAYS: Final = 31  # of one reconciliation
MAX_SELLERS: Final = 200  # of one report; ``manage.py reconcile_money`` compares all
_TOLD_WITHIN: Final = timedelta(days=3)  # so long after it happened a provider may tell us of money that moved


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """The reconciliation of payment provider, ledger, orders and balances.

    It agrees when every difference is settling. ``sellers`` is the number of compared seller accounts, and
    ``sellers_complete`` whether these are all: a report compares those with recent ledger entries and the most recently
    changed ones first.
    """

    object: str = "reconciliation"
    since: datetime
    until: datetime
    currency: str
    movements: int
    provider_sum: int
    ledger_sum: int
    records_sum: int
    agreed: bool
    differences: tuple[Difference, ...]
    sellers: int = 0
    sellers_complete: bool = False


class _Touched:
    """The customers and payouts that have entries in a period."""

    def __init__(self) -> None:
        self.customers: set[CustomerId] = set()
        self.payouts: set[PayoutId] = set()

    def add(self, entry: LedgerEntry) -> None:
        """Note whose account an entry is on, and the payout that it belongs to."""
        family, _, customer_id = entry.account.partition(":")
        if family in {SELLERS, STORE_CREDIT}:
            self.customers.add(CustomerId(customer_id))
        if PAYOUT_ID.matches(entry.source_id):
            self.payouts.add(PayoutId(entry.source_id))


class _Movement(msgspec.Struct):
    """A money movement in each record, signed: in is positive, out is negative.

    ``reference`` is the provider's name of it, and ``started_at`` when it began, where its record says so.
    """

    booking: BookingKind
    source_id: str
    our_id: str
    provider: int | None = None
    ledger: int | None = None
    records: int | None = None
    settling: bool = False
    reference: str | None = None
    started_at: datetime | None = None
    is_foreign: bool = False  # the provider has it in another currency than the shop's


class _OrderMoney(msgspec.Struct):
    status: OrderStatus
    payment: Payment | None = None
    refunds: tuple[Refund, ...] = ()


class _PayoutMoney(msgspec.Struct):
    status: PayoutStatus
    method: PayoutMethod
    amount: int
    created_at: datetime


_ORDER: Final = msgspec.json.Decoder(_OrderMoney).decode
_PAYOUT: Final = msgspec.json.Decoder(_PayoutMoney).decode
_Movements = dict[tuple[str, str], _Movement]


def get_reconciliation(  # noqa: PLR0913 - a period by two clocks, and how far to look
    *,
    reader: Reader,
    principal: Principal,
    payments: PaymentProvider,
    back: timedelta,
    now: datetime,
    wall_now: datetime,
    max_sellers: int | None = MAX_SELLERS,
) -> Reconciliation:
    """Compare every money movement of the provider, the ledger, and the orders and payouts; and balances.

    The ledger's times are the tenant's, the provider's are the wall clock's. Both go back equally far. What one shows
    and the other does not was booked there before: the provider moves money first, and we hear of it minutes or, of a
    payout, days later. So it is looked up: in the ledger by its source, at the provider from when it began.

    Sellers' balances, store credit and payouts in transit are compared with their ledger accounts and transfers.

    Shape: the provider's list, twice where something is missing there; the ledger day by day; each order and payout
    named by either, at most twice; of each compared seller, ``check_sellers``.

    Args:
        reader: On the tenant.
        principal: The brand or staff.
        payments: The tenant's payment provider.
        back: How far back, at most 31 days.
        now: Until when in the tenant's time, aware UTC.
        wall_now: The same moment by the wall clock.
        max_sellers: Seller accounts that are compared at most; None for all.

    Returns:
        What differs. What a step is still to settle is shown and does not count.

    Raises:
        LedgerNotFound: Not for this caller's eyes.
        PartnerUnavailable: The provider's books cannot be read now.
    """
    check_ledger_permission(principal)
    back = min(back, timedelta(days=MAX_DAYS))
    since = now - back
    movements: _Movements = {}
    touched = _Touched()
    for booking in payments.iter_transactions(since=wall_now - back):
        _add_provider(movements, booking, currency=reader.tenant.currency)
    for entry in _entries(reader, since, now):
        touched.add(entry)
        if entry.account == PROVIDER and not is_account_movement(entry):
            _add_ledger(movements, entry)
    for source_id in sorted({movement.source_id for movement in movements.values()}):
        _add_records(movements, reader, source_id, since)
    for entry in _earlier_entries(reader, movements):
        _add_ledger(movements, entry)
    for booking in _earlier_transactions(payments, movements, ahead=now - wall_now, back_to=since):
        _add_provider(movements, booking, currency=reader.tenant.currency)
    moved = tuple(found for movement in movements.values() if (found := _difference(movement)) is not None)
    balances = check_sellers(reader=reader, first=sorted(touched.customers), limit=max_sellers, now=now)
    differences = (*moved, *balances.differences, *check_payouts(reader=reader, payout_ids=sorted(touched.payouts)))
    return Reconciliation(
        since=since,
        until=now,
        currency=reader.tenant.currency,
        movements=len(movements),
        provider_sum=sum(movement.provider or 0 for movement in movements.values()),
        ledger_sum=sum(movement.ledger or 0 for movement in movements.values()),
        records_sum=sum(movement.records or 0 for movement in movements.values()),
        agreed=all(difference.settling for difference in differences),
        differences=differences,
        sellers=balances.sellers,
        sellers_complete=balances.is_complete,
    )


def _entries(reader: Reader, since: datetime, now: datetime) -> Iterator[LedgerEntry]:
    day = since.date()
    while day <= now.date():
        for entry in reader.iter_ledger_day(day.isoformat()):
            if entry.at >= since:
                yield entry
        day += timedelta(days=1)


def _earlier_entries(reader: Reader, movements: _Movements) -> Iterator[LedgerEntry]:
    """Iterate over older ledger entries of movements that only another record has.

    And of payouts and refunds that came back: they went out before.
    """
    for movement in movements.values():
        if movement.booking != BookingKind.CHARGE and (movement.ledger or 0) > 0:
            movement.ledger = None
    missing = {key for key, movement in movements.items() if movement.ledger is None}
    for source_id in sorted({source_id for source_id, _ in missing}):
        for entry in reader.iter_ledger_source(source_id):
            if entry.account == PROVIDER and _key_of(entry) in missing:
                yield entry


def _earlier_transactions(
    payments: PaymentProvider, movements: _Movements, *, ahead: timedelta, back_to: datetime
) -> Iterator[ProviderTransaction]:
    """Iterate over older provider movements that only we have; ``ahead`` is the offset of the tenant's clock."""
    missing = [one for one in movements.values() if one.provider is None and one.ledger and one.started_at is not None]
    since = min((one.started_at - _TOLD_WITHIN for one in missing if one.started_at is not None), default=back_to)
    if since >= back_to:
        return
    at_provider = {(one.source_id, one.our_id): one for one in missing}
    by_reference = {(one.source_id, one.reference): one for one in missing if one.reference is not None}
    for booking in payments.iter_transactions(since=since - ahead):
        key = _key_at_provider(booking)
        known = at_provider.get(key)
        if known is None and (known := by_reference.get(key)) is not None:
            known.booking, known.provider = BookingKind.CHARGEBACK, -booking.amount
        elif known is not None:
            yield booking


def _add_provider(movements: _Movements, booking: ProviderTransaction, *, currency: str) -> None:
    sign = 1 if booking.kind == BookingKind.CHARGE else -1
    movement = _movement(movements, booking.kind, *_key_at_provider(booking))
    movement.provider = (movement.provider or 0) + sign * booking.amount
    movement.is_foreign = booking.currency != currency


def _key_at_provider(booking: ProviderTransaction) -> tuple[str, str]:
    source_id = booking.order_id or booking.our_id
    if booking.kind == BookingKind.CHARGEBACK:
        return source_id, booking.provider_reference  # the scheme's name of it; the order's record knows it by both
    return source_id, source_id if booking.kind == BookingKind.CHARGE else booking.our_id


def _add_ledger(movements: _Movements, entry: LedgerEntry) -> None:
    source_id, our_id = _key_of(entry)
    movement = _movement(movements, _kind_of(entry), source_id, our_id)
    movement.ledger = (movement.ledger or 0) + entry.amount


def _key_of(entry: LedgerEntry) -> tuple[str, str]:
    is_refund = _kind_of(entry) not in {BookingKind.CHARGE, BookingKind.PAYOUT}
    return entry.source_id, refund_of_step(entry.step) if is_refund else entry.source_id


def _kind_of(entry: LedgerEntry) -> BookingKind:
    if PAYOUT_ID.matches(entry.source_id):
        return BookingKind.PAYOUT
    return BookingKind.CHARGE if entry.step == "captured" else BookingKind.REFUND


def _add_records(movements: _Movements, reader: Reader, source_id: str, since: datetime) -> None:
    if PAYOUT_ID.matches(source_id):
        _add_payout(movements, reader, PayoutId(source_id))
        return
    document = reader.find(ORDER, OrderId(source_id)) if ORDER_ID.matches(source_id) else None
    if document is None:
        return
    order = _ORDER(document.doc)
    settling = order.status == OrderStatus.PAYMENT_PENDING
    if (charge := movements.get((source_id, source_id))) is not None:
        charge.settling = settling
        charge.started_at = None if order.payment is None else order.payment.started_at
        if order.payment is not None and order.payment.captured_minor:
            charge.records = order.payment.captured_minor
    for refund in order.refunds:
        _add_refund(movements, source_id, refund, since)


def _add_refund(movements: _Movements, source_id: str, refund: Refund, since: datetime) -> None:
    reported = movements.pop((source_id, refund.provider_reference or ""), None)  # a chargeback, by the scheme's name
    known = movements.get((source_id, refund.id))
    is_done = refund.status == RefundState.SUCCEEDED and (refund.finished_at or since) >= since
    if reported is None and known is None and not is_done:
        return
    movement = _movement(movements, BookingKind.REFUND, source_id, refund.id)
    movement.settling = refund.status == RefundState.PENDING
    movement.reference, movement.started_at = refund.provider_reference, refund.started_at
    if reported is not None:
        movement.booking, movement.provider = BookingKind.CHARGEBACK, reported.provider
        movement.is_foreign = reported.is_foreign
    if refund.status == RefundState.SUCCEEDED:
        movement.records = -refund.amount


def _add_payout(movements: _Movements, reader: Reader, payout_id: PayoutId) -> None:
    document = reader.find(PAYOUT, payout_id)
    movement = movements.get((payout_id, payout_id))
    if document is None or movement is None:
        return
    payout = _PAYOUT(document.doc)
    movement.started_at = payout.created_at
    movement.settling = payout.status in {PayoutStatus.PENDING, PayoutStatus.IN_TRANSIT}
    if payout.status == PayoutStatus.PAID and payout.method == PayoutMethod.CASH:
        movement.records = -payout.amount


def _movement(movements: _Movements, kind: BookingKind, source_id: str, our_id: str) -> _Movement:
    return movements.setdefault((source_id, our_id), _Movement(booking=kind, source_id=source_id, our_id=our_id))


def _difference(movement: _Movement) -> Difference | None:
    provider, ledger, records = movement.provider, movement.ledger, movement.records
    if (provider or 0) == (ledger or 0) == (records or 0) and not movement.is_foreign:
        return None
    kind = DifferenceKind.AMOUNT_DIFFERS
    if ledger is None:
        kind = DifferenceKind.NOT_IN_LEDGER
    elif provider is None:
        kind = DifferenceKind.NOT_AT_PROVIDER
    elif records is None:
        kind = DifferenceKind.NOT_IN_RECORDS
    return Difference(
        kind=kind,
        booking=movement.booking,
        source_id=movement.source_id,
        our_id=movement.our_id,
        provider=provider,
        ledger=ledger,
        records=records,
        settling=movement.settling,
    )
