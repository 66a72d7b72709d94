"""What codes mean, in words: states, what a person has to look at, and the accounts and steps of the books."""

from collections.abc import Mapping
from typing import Final

from resale.application.queries.ledger import DifferenceKind
from resale.domain import ledger
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
    ShipmentStatus.RETURNED: "Returned",
    ClaimStatus.RETURN_IN_TRANSIT: "Return in transit",
    "requires_action": "Buyer must authenticate",
    "authorized": "Authorised",
    DifferenceKind.NOT_IN_LEDGER: "Not in the ledger",
    DifferenceKind.NOT_AT_PROVIDER: "Not at the provider",
    DifferenceKind.NOT_IN_RECORDS: "Not on an order or payout",
    DifferenceKind.AMOUNT_DIFFERS: "Amounts differ",
}

#: What a person has to look at, and what they can do (``attention`` of orders, claims and payouts).
ISSUES: Final[Mapping[str, str]] = {
    Issue.LABEL_REFUSED: (
        "The carrier refused to sell a label, usually because of one of the two addresses. Correct the shipping "
        "address here (the buyer can do this too), and the label is bought again. Or the seller changes the "
        "address to ship from, or ships with another carrier; then report the parcel here."
    ),
    Issue.REFUND_FAILED: (
        "The payment provider could not complete the refund, or returned it later. It is retried, with a longer "
        "wait each time. Check this payment at the provider."
    ),
    Issue.DISPUTE_OPEN: (
        "The buyer's bank disputes the payment. Submit evidence at the payment provider before it is due. Until "
        "the dispute is decided, the order does not complete."
    ),
    Issue.CHARGED_BACK: "The dispute is lost: the buyer's bank reversed the payment.",
    Issue.PARTNER_SILENT: (
        "A partner has not responded for about a day. The step is retried every hour, and this issue clears with "
        "the next step that succeeds. See Connections for the reason, and the partner's status page."
    ),
    Issue.RETURN_LABEL_REFUSED: (
        "The carrier refused to sell a return label. The buyer can return the item with another carrier: then "
        "report the parcel here. Or approve the claim without a return before its deadline."
    ),
    Issue.RETURN_LABEL_MISSING: (
        "The seller has no address to ship from, so no return label can be bought. Send the buyer an address for "
        "the return, and report the parcel here. Or approve the claim without a return before its deadline."
    ),
}

_STEPS: Final[Mapping[str, str]] = {
    "captured": "Payment captured",
    "label_issued": "Label bought",
    "label_voided": "Label voided",
    "return_label_issued": "Return label bought",
    "released": "Released to the seller",
    "started": "Payout started",
    "paid": "Paid out",
    "failed": "Payout failed",
    "returned": "Payout returned",
    "cancelled": "Payout cancelled",
}


def name_account(account: str) -> str:
    """Say whose an account is."""
    known = find_account(account)
    return account if known is None else known.title


def name_step(step: str) -> str:
    """Say what was booked; a refund books under its own id, and books back under the same."""
    if ledger.refund_of_step(step) != step:
        return "Refund returned"
    return "Refund" if REFUND_ID.matches(step) else _STEPS.get(step, step)


def label_of(code: str) -> str:
    """Say a code in words."""
    return LABELS.get(code, code.replace("_", " ").capitalize())
