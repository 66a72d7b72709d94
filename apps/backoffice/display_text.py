"""What codes mean, in words: states, what a person has to look at, and the accounts and steps of the books."""

from collections.abc import Mapping
from typing import Final

from resale.application.queries.ledger import DifferenceKind
from resale.domain import ledger, payout_ledger
from resale.domain.accounts import find_account
from resale.domain.claims import ClaimStatus
from resale.domain.ids import REFUND_ID
from resale.domain.issues import Issue
from resale.domain.listings import ListingStatus
from resale.domain.media import MediaStatus, RefusalReason
from resale.domain.orders import OrderStatus
from resale.domain.shipments import ShipmentStatus

#: Where a code with its underscores taken out does not say it.
LABELS: Final[Mapping[str, str]] = {
    ListingStatus.PENDING_REVIEW: "Waiting for review",
    ListingStatus.ACTIVE: "On sale",
    ListingStatus.REMOVED: "Removed",
    MediaStatus.AWAITING_UPLOAD: "Waiting for upload",
    RefusalReason.NOT_AN_IMAGE: "Not an image",
    OrderStatus.AWAITING_SHIPMENT: "Awaiting shipment",
    OrderStatus.SHIP_EXPIRED: "Not shipped in time",
    OrderStatus.CANCELLING: "Being cancelled",
    ShipmentStatus.REQUESTED: "No label yet",
    ShipmentStatus.PRE_TRANSIT: "Label bought",
    ShipmentStatus.FAILURE: "Lost or damaged",
    ShipmentStatus.AVAILABLE_FOR_PICKUP: "Waiting to be collected",
    ShipmentStatus.RETURNING: "On its way back",
    ShipmentStatus.REFUSED: "Refused, on its way back",
    ShipmentStatus.NOT_COLLECTED: "Not collected, on its way back",
    ShipmentStatus.RETURNED: "Back at its sender",
    ClaimStatus.RETURN_IN_TRANSIT: "Return in transit",
    "requires_action": "Buyer must authenticate",
    "authorized": "Authorised",
    DifferenceKind.NOT_IN_LEDGER: "Not in the ledger",
    DifferenceKind.NOT_AT_PROVIDER: "Not at the provider",
    DifferenceKind.NOT_IN_RECORDS: "Not on an order or payout",
    DifferenceKind.AMOUNT_DIFFERS: "Amounts differ",
    DifferenceKind.BALANCE_DIFFERS: "Balance differs",
}

#: What a person has to look at, and what they can do (``attention`` of orders, claims and payouts).
ISSUES: Final[Mapping[str, str]] = {
    Issue.LABEL_REFUSED: (
        "The carrier refused to sell a label, usually because of one of the two addresses. Correct the shipping "
        "address here (the buyer can do this too), and the label is bought again. Or the seller changes the "
        "address to ship from, or ships with another carrier; then report the parcel here."
    ),
    Issue.PARCEL_RETURNED: (
        "The parcel went back to the seller after it was delivered, or after the sale was paid. Agree with both "
        "parties: refund the buyer, or acknowledge this, and the seller is paid or keeps the money."
    ),
    Issue.PARCEL_LOST: (
        "The carrier lost the parcel of a sale that counts as delivered, or on its way back to the seller. Refund the "
        "buyer if they have neither item nor money; compensate the seller if they have neither. Or acknowledge this."
    ),
    Issue.PARCEL_AFTER_REFUND: (
        "The buyer was refunded, and the carrier has the parcel or delivered it. Agree with the buyer that they return "
        "it or pay for it, or compensate the seller. Then acknowledge this."
    ),
    Issue.RETURN_AFTER_CLOSE: (
        "The buyer sent the item back after their claim was closed, so the seller has the money and receives the item. "
        "Refund the buyer, or have the item sent to the buyer again. Then acknowledge this."
    ),
    Issue.RETURN_NOT_DELIVERED: (
        "The return was lost, refused, or goes back to the buyer. If the buyer is refunded already, compensate the "
        "seller, or agree on another return; then acknowledge this. If the claim is open, decide it."
    ),
    Issue.CARRIER_CLAIM_OPEN: (
        "The carrier lost this parcel. The seller was paid, and the amount is a claim on the carrier. File the claim "
        "with the carrier before its deadline, then enter here what it paid."
    ),
    Issue.REFUND_FAILED: (
        "The payment provider could not complete the refund, or returned it later. It is retried, with a longer "
        "wait each time. Check this payment at the provider."
    ),
    Issue.DISPUTE_OPEN: (
        "The buyer's bank disputes the payment. Submit evidence at the payment provider before it is due. Until "
        "the dispute is decided, the order does not complete."
    ),
    Issue.AMOUNT_MISMATCH: (
        "The payment provider reports another amount or currency than this order has, for its payment, a refund or a "
        "dispute. Nothing was posted for it, and the seller is not paid. Compare both at the provider. A payment that "
        "was captured in part: cancel the order, and the part is refunded. Otherwise settle the difference, then "
        "acknowledge the issue."
    ),
    Issue.REFUNDED_AT_PROVIDER: (
        "The payment was refunded at the provider and not here: by a person in its dashboard, or by the provider "
        "itself for a prevented dispute. It is posted like a refund of ours. Check that no parcel is sent for it."
    ),
    Issue.CHARGED_BACK: "The dispute is lost: the buyer's bank reversed the payment.",
    Issue.PAYOUT_FAILED: (
        "A payout failed for a reason that is not the seller's account: the balance at the payment provider, the "
        "shop's account there, or the amount. Read its failure code. The amount is on the seller's balance again "
        "and is paid out automatically."
    ),
    Issue.LABEL_NOT_REFUNDED: (
        "The label was voided, and the carrier did not refund its price, mostly because the label was used after all. "
        "The price stays posted. Check where the parcel is, and claim the price at the carrier if it never moved."
    ),
    Issue.PARTNER_SILENT: (
        "A partner has not responded for about a day. The step is retried every hour, and this issue clears with "
        "the next step that succeeds. See Connections for the reason, and the partner's status page."
    ),
    Issue.REFUND_PENDING: (
        "The payment provider has not finished a refund for unusually long. Look the refund up at the provider; ask "
        "its support if it shows no reason. This issue clears when the refund succeeds or fails."
    ),
    Issue.PAYOUT_STUCK: (
        "The seller's account left the payment provider, or its balance is empty, so this payout neither arrived nor "
        "came back. Check the transfer at the provider: reverse it there if the money is still in the account, and "
        "the amount is back on the seller's balance within a day. Otherwise contact the provider."
    ),
    Issue.BALANCE_TOO_LOW: (
        "The shop's balance at the partner is too low for this step. Top it up at the partner. The step is retried "
        "every hour, and this issue clears with the next step that succeeds."
    ),
    Issue.RETURN_LABEL_REFUSED: (
        "The carrier refused to sell a return label. The buyer can return the item with another carrier: then "
        "report the parcel here. Or approve the claim without a return. It does not expire meanwhile."
    ),
    Issue.RETURN_LABEL_MISSING: (
        "The seller has no address to ship from, so no return label can be bought. Send the buyer an address for "
        "the return, and report the parcel here. Or approve the claim without a return. It does not expire until then."
    ),
}

_STEPS: Final[Mapping[str, str]] = {
    "captured": "Payment captured",
    "label_issued": "Label bought",
    "label_voided": "Label voided",
    "return_label_issued": "Return label bought",
    "released": "Released to the seller",
    "compensated": "Seller compensated",
    "carrier_claim_closed": "Claim on the carrier closed",
    "started": "Payout started",
    "paid": "Paid out",
    "failed": "Payout failed",
    "returned": "Payout returned",
    "cancelled": "Payout cancelled",
    "fee": "Payment fee",
    "dispute_fee": "Dispute fee",
    "bank_payout": "Payout to the shop's bank",
}


def name_account(account: str) -> str:
    """Say whose an account is."""
    known = find_account(account)
    return account if known is None else known.title


def name_step(step: str) -> str:
    """Say what was booked; a refund books under its own id, and books back under the same."""
    if ledger.refund_of_step(step) != step:
        return "Refund returned"
    if step.startswith(payout_ledger.STORE_CREDIT_NETTED):
        return "Debt netted against store credit"
    return "Refund" if REFUND_ID.matches(step) else _STEPS.get(step, step)


def label_of(code: str) -> str:
    """Say a code in words."""
    return LABELS.get(code, code.replace("_", " ").capitalize())
