"""The double-entry ledger: accounts, balanced transactions, and the transaction of each step of a sale.

Debits are positive, credits negative. Nothing is ever changed or deleted; what was wrong is reversed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from resale.domain.accounts import (
    BONUSES,
    CARRIERS,
    COMMISSION,
    COMMISSION_DEFERRED,
    HOUSE_ACCOUNTS,
    LABELS,
    PAYOUTS_IN_TRANSIT,
    PROVIDER,
    SELLERS_PENDING,
    SHIPPING,
    TAX,
    VAT_ON_COMMISSION,
    seller_account,
    store_credit_account,
)
from resale.domain.commissions import CommissionRecognition, included_vat
from resale.domain.money import Money, allocate
from resale.domain.orders import Order
from resale.domain.payments import Refund, RefundParts, RefundState

__all__ = [
    "BONUSES",
    "CARRIERS",
    "COMMISSION",
    "COMMISSION_DEFERRED",
    "HOUSE_ACCOUNTS",
    "LABELS",
    "PAYOUTS_IN_TRANSIT",
    "PROVIDER",
    "SELLERS_PENDING",
    "SHIPPING",
    "TAX",
    "VAT_ON_COMMISSION",
    "LedgerEntry",
    "LedgerTransaction",
    "Posting",
    "Unbalanced",
    "capture",
    "entries_of",
    "is_commission_deferred",
    "label_purchase",
    "label_void",
    "parts_left",
    "parts_of",
    "refund",
    "refund_of_step",
    "refund_reversal",
    "release",
    "seller_account",
    "seller_left",
    "split_refund",
    "store_credit_account",
]

_RETURNED: Final = ":returned"  # what a refund's step ends in that books it back

_CAME_BACK: Final = frozenset({RefundState.FAILED, RefundState.REINSTATED})


class Unbalanced(Exception):  # noqa: N818 - named for what it is
    """Raised for a transaction that does not sum to zero: a bug in this code. Nothing is written."""


class Posting(msgspec.Struct, frozen=True):
    """The amount of one account in a transaction, in minor units; debit positive, credit negative."""

    account: str
    amount: int


class LedgerTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A balanced transaction. ``id`` consists of source and step, so that a step is posted once."""

    source_id: str  # the order or payout it belongs to
    step: str  # unique within the source
    currency: str
    at: datetime
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        """Verify that the transaction is balanced. Raises Unbalanced."""
        if sum(posting.amount for posting in self.postings) != 0:
            raise Unbalanced(f"{self.source_id}:{self.step} does not sum to zero")

    @property
    def id(self) -> str:
        """The id of the transaction."""
        return f"{self.source_id}:{self.step}"


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as stored: append-only."""

    object: str = "ledger_entry"
    schema: int = 1
    transaction_id: str
    source_id: str
    step: str
    account: str
    amount: int
    currency: str
    at: datetime


def entries_of(transaction: LedgerTransaction) -> tuple[LedgerEntry, ...]:
    """Return the entries of a transaction, one for each account, without zero amounts."""
    sums: dict[str, int] = {}
    for posting in transaction.postings:
        sums[posting.account] = sums.get(posting.account, 0) + posting.amount
    return tuple(
        LedgerEntry(
            transaction_id=transaction.id,
            source_id=transaction.source_id,
            step=transaction.step,
            account=account,
            amount=amount,
            currency=transaction.currency,
            at=transaction.at,
        )
        for account, amount in sums.items()
        if amount
    )


# ---------------------------------------------------------------- what a sale books
def parts_of(order: Order) -> RefundParts:
    """Return the shares of an order's total."""
    return RefundParts(
        seller=order.amounts.item_total - order.commission.amount,
        commission=order.commission.amount,
        shipping=order.amounts.shipping_total,
        tax=order.amounts.tax_total,
    )


def captured_parts(order: Order) -> RefundParts:
    """Return the shares of the captured amount: those of the total, unless only a part of it was captured."""
    whole = parts_of(order)
    captured = 0 if order.payment is None else order.payment.captured_minor
    if captured in {0, order.amounts.grand_total}:
        return whole
    return _parts(allocate(captured, msgspec.structs.astuple(whole), given=(0, 0, 0, 0)))


def parts_left(order: Order) -> RefundParts:
    """Return the shares that are not refunded; a pending refund counts as refunded."""
    whole, given = msgspec.structs.astuple(captured_parts(order)), _sum_refunded(order)
    return _parts([part - back for part, back in zip(whole, given, strict=True)])


def split_refund(order: Order, amount: int) -> RefundParts:
    """Split a refund so that all refunds together are in proportion to the shares, never above one.

    The seller's share is a multiple of what can be paid out to them; the other shares bear the rounding.
    """
    whole, given = msgspec.structs.astuple(captured_parts(order)), _sum_refunded(order)
    unit = order.commission.unit
    parts = allocate(amount, whole, given=given)
    if unit == 1:
        return _parts(parts)
    others_left = sum(whole[1:]) - sum(given[1:])
    seller = (parts[0] + unit // 2) // unit * unit
    seller = min(max(seller, amount - others_left), amount, whole[0] - given[0])
    return _parts((seller, *allocate(amount - seller, whole[1:], given=given[1:])))


def seller_left(order: Order) -> int:
    """Return the seller's share minus completed refunds."""
    taken = sum(refund.parts.seller for refund in order.refunds if refund.status == RefundState.SUCCEEDED)
    return captured_parts(order).seller - taken


def capture(order: Order, *, at: datetime) -> LedgerTransaction:
    """Return the transaction of a captured payment. Commission is deferred, or income, as the order is posted."""
    parts = captured_parts(order)
    commission = _commission_change(order, before=0, after=parts.commission, seller=SELLERS_PENDING)
    owed = _split_postings(parts, commission, sign=-1, seller=SELLERS_PENDING)
    return _transaction(order, "captured", at, owed, sum(msgspec.structs.astuple(parts)))


def refund(order: Order, given: Refund, *, seller: str, at: datetime) -> LedgerTransaction:
    """Return the transaction of a refund or chargeback; ``seller`` is the account of the seller's share."""
    left = _commission_left(order, without=given)
    commission = _commission_change(order, before=left, after=left - given.parts.commission, seller=seller)
    return _transaction(
        order, given.id, at, _split_postings(given.parts, commission, sign=1, seller=seller), -given.amount
    )


def refund_reversal(order: Order, given: Refund, *, seller: str, at: datetime) -> LedgerTransaction:
    """Return the reversal of a refund; ``seller`` is the account of the seller's share."""
    step, left = f"{given.id}{_RETURNED}", _commission_left(order, without=given)
    commission = _commission_change(order, before=left - given.parts.commission, after=left, seller=seller)
    return _transaction(order, step, at, _split_postings(given.parts, commission, sign=-1, seller=seller), given.amount)


def refund_of_step(step: str) -> str:
    """Return the refund id of a step that posts or reverses a refund."""
    return step.removesuffix(_RETURNED)


def label_purchase(order: Order, cost: Money, *, step: str, at: datetime) -> LedgerTransaction:
    """Return the transaction of a label; ``step`` distinguishes outbound and return."""
    return _label(order, cost.amount, cost.currency, step, at)


def label_void(order: Order, cost: Money, *, step: str, at: datetime) -> LedgerTransaction:
    """Return the transaction of a voided label; ``step`` distinguishes outbound and return."""
    return _label(order, -cost.amount, cost.currency, step, at)


def release(order: Order, *, amount: int, at: datetime) -> LedgerTransaction:
    """Return the transaction of a completed sale: the seller's pending earnings and deferred commission are earned."""
    seller = seller_account(order.seller_id)
    postings = (Posting(SELLERS_PENDING, amount), Posting(seller, -amount), *_recognition(order, seller=seller))
    return LedgerTransaction(source_id=order.id, step="released", currency=order.currency, at=at, postings=postings)


# ---------------------------------------------------------------- commission
def is_commission_deferred(order: Order, *, seller: str) -> bool:
    """Return whether commission is not income yet: its sale is pending, as the account of the seller's share shows."""
    is_by_completion = order.commission_posting.recognition == CommissionRecognition.AT_COMPLETION
    return is_by_completion and seller == SELLERS_PENDING


def _recognition(order: Order, *, seller: str) -> tuple[Posting, ...]:
    """Return the entries by which commission that was deferred becomes income."""
    if not is_commission_deferred(order, seller=SELLERS_PENDING):
        return ()
    left = _commission_left(order, without=None)
    return (Posting(COMMISSION_DEFERRED, left), *_commission_change(order, before=0, after=left, seller=seller))


def _commission_change(order: Order, *, before: int, after: int, seller: str) -> tuple[Posting, ...]:
    """Return the entries that change an order's commission from one amount to another, with its VAT.

    VAT depends on the amount before and after, not on the difference: so rounding does not add up over refunds.
    """
    if is_commission_deferred(order, seller=seller):
        return (Posting(COMMISSION_DEFERRED, before - after),)
    rate = order.commission_posting.vat_basis_points
    vat = included_vat(before, rate) - included_vat(after, rate)
    return Posting(COMMISSION, before - after - vat), Posting(VAT_ON_COMMISSION, vat)


def _commission_left(order: Order, *, without: Refund | None) -> int:
    """Return the commission minus that of completed refunds, one of them left out."""
    given = (one for one in order.refunds if one.status == RefundState.SUCCEEDED)
    taken = sum(one.parts.commission for one in given if without is None or one.id != without.id)
    return captured_parts(order).commission - taken


def _label(order: Order, amount: int, currency: str, step: str, at: datetime) -> LedgerTransaction:
    postings = (Posting(LABELS, amount), Posting(CARRIERS, -amount))
    return LedgerTransaction(source_id=order.id, step=step, currency=currency, at=at, postings=postings)


def _sum_refunded(order: Order) -> tuple[int, ...]:
    """Return the sums of all refunds, including pending ones, by share."""
    backs = [msgspec.structs.astuple(one.parts) for one in order.refunds if one.status not in _CAME_BACK]
    return tuple(map(sum, zip(*backs, strict=True))) if backs else (0, 0, 0, 0)


def _parts(amounts: Sequence[int]) -> RefundParts:
    seller, commission, shipping, tax = amounts
    return RefundParts(seller=seller, commission=commission, shipping=shipping, tax=tax)


def _split_postings(
    parts: RefundParts, commission: tuple[Posting, ...], *, sign: int, seller: str
) -> tuple[Posting, ...]:
    return (
        Posting(seller, sign * parts.seller),
        *commission,
        Posting(SHIPPING, sign * parts.shipping),
        Posting(TAX, sign * parts.tax),
    )


def _transaction(
    order: Order, step: str, at: datetime, owed: tuple[Posting, ...], provider_amount: int
) -> LedgerTransaction:
    postings = (Posting(PROVIDER, provider_amount), *owed)
    return LedgerTransaction(source_id=order.id, step=step, currency=order.currency, at=at, postings=postings)
