"""The ledger transactions of a compensation: the seller is paid, and the loss or the claim on the carrier posted."""

from collections.abc import Sequence
from datetime import datetime

from resale.domain.accounts import CARRIER_CLAIMS, CARRIERS, LOST_PARCELS, seller_account
from resale.domain.compensations import CarrierClaim, Compensation
from resale.domain.ledger import LedgerTransaction, Posting
from resale.domain.orders import Order
from resale.domain.payments import Refund, RefundState
from resale.domain.policies import LossBearer
from resale.domain.reasons import ReasonCode


def compensation(order: Order, paid: Compensation, *, at: datetime) -> LedgerTransaction:
    """Return the transaction of a compensation: an expense of the platform, or a receivable from the carrier."""
    account = CARRIER_CLAIMS if paid.borne_by == LossBearer.CARRIER_CLAIM else LOST_PARCELS
    postings = (Posting(account, paid.amount), Posting(seller_account(order.seller_id), -paid.amount))
    return _transaction(order, "compensated", postings, at)


def claim_settlement(order: Order, claim: CarrierClaim, *, at: datetime) -> LedgerTransaction:
    """Return the transaction of a carrier's decision: what it credits reduces what carriers are owed, the rest is lost.

    Carriers settle claims by a credit on the shipper's account (for example UPS and EasyPost, whose wallet is
    credited). What a carrier pays beyond the claim, such as the price of the label, reduces the expense.
    """
    postings = (
        Posting(CARRIERS, claim.paid_amount),
        Posting(LOST_PARCELS, claim.amount - claim.paid_amount),
        Posting(CARRIER_CLAIMS, -claim.amount),
    )
    return _transaction(order, "carrier_claim_closed", postings, at)


def sum_seller_loss(refunds: Sequence[Refund]) -> int:
    """Return what refunds took from the seller. A chargeback does not count: its dispute can be won later."""
    return sum(
        refund.parts.seller
        for refund in refunds
        if refund.status == RefundState.SUCCEEDED and refund.reason_code != ReasonCode.CHARGEBACK
    )


def _transaction(order: Order, step: str, postings: tuple[Posting, ...], at: datetime) -> LedgerTransaction:
    return LedgerTransaction(source_id=order.id, step=step, currency=order.currency, at=at, postings=postings)
