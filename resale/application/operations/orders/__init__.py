"""Operations of orders: submitted, then paid, shipped, completed, cancelled or refunded, step by step."""

from resale.application.operations.orders.acknowledging import Acknowledgement, acknowledge_order
from resale.application.operations.orders.advancing import STEPS, advance_order
from resale.application.operations.orders.cancelling import cancel_order
from resale.application.operations.orders.compensating import (
    COMPENSABLE,
    CarrierClaimClosed,
    ClaimDecision,
    CompensationRefused,
    CompensationTooLarge,
    NewCompensation,
    compensate_seller,
    settle_carrier_claim,
)
from resale.application.operations.orders.correcting import CORRECTABLE, LabelUnderWay, correct_address
from resale.application.operations.orders.disputing import record_dispute
from resale.application.operations.orders.refunding import (
    REFUNDABLE,
    NewRefund,
    RefundTooLarge,
    RefundUnderWay,
    refund_order,
)
from resale.application.operations.orders.reviewing import review_payment
from resale.application.operations.orders.submitting import submit_order
from resale.application.operations.orders.tracking import (
    confirm_receipt,
    record_tracking,
    report_tracking,
    request_label,
)
from resale.application.operations.orders.voids import settle_void

__all__ = [
    "COMPENSABLE",
    "CORRECTABLE",
    "REFUNDABLE",
    "STEPS",
    "Acknowledgement",
    "CarrierClaimClosed",
    "ClaimDecision",
    "CompensationRefused",
    "CompensationTooLarge",
    "LabelUnderWay",
    "NewCompensation",
    "NewRefund",
    "RefundTooLarge",
    "RefundUnderWay",
    "acknowledge_order",
    "advance_order",
    "cancel_order",
    "compensate_seller",
    "confirm_receipt",
    "correct_address",
    "record_dispute",
    "record_tracking",
    "refund_order",
    "report_tracking",
    "request_label",
    "review_payment",
    "settle_carrier_claim",
    "settle_void",
    "submit_order",
]
