"""What codes mean, in words: states, what a person has to look at, and the accounts and steps of the books."""

from collections.abc import Mapping
from typing import Final

from resale.application.queries.ledger import DifferenceKind
from resale.domain import ledger
from resale.domain.claims import ClaimStatus
from resale.domain.listings import ListingStatus
from resale.domain.media import MediaStatus, RefusalReason
from resale.domain.orders import OrderStatus
from resale.domain.shipments import ShipmentStatus

#: Where a code with its underscores taken out does not say it.
LABELS: Final[Mapping[str, str]] = {
    ListingStatus.PENDING_REVIEW: "Waiting for review",
    ListingStatus.ACTIVE: "On sale",
    ListingStatus.REMOVED: "Taken down",
    MediaStatus.AWAITING_UPLOAD: "Waiting for its upload",
    RefusalReason.NOT_AN_IMAGE: "Not an image",
    OrderStatus.AWAITING_SHIPMENT: "To be shipped",
    OrderStatus.SHIP_EXPIRED: "Not shipped in time",
    OrderStatus.CANCELLING: "Being cancelled",
    ShipmentStatus.REQUESTED: "No label yet",
    ShipmentStatus.PRE_TRANSIT: "Label bought",
    ShipmentStatus.FAILURE: "Lost or damaged",
    ShipmentStatus.RETURNED: "Sent back",
    ClaimStatus.RETURN_IN_TRANSIT: "On its way back",
    "requires_action": "Buyer has to prove who they are",
    "authorized": "Authorised",
    DifferenceKind.NOT_IN_LEDGER: "Not in the ledger",
    DifferenceKind.NOT_AT_PROVIDER: "Unknown to the provider",
    DifferenceKind.NOT_IN_RECORDS: "On no order or payout",
    DifferenceKind.AMOUNT_DIFFERS: "Amounts differ",
}

#: What a person has to look at, and what they can do (``attention`` of orders, claims and payouts).
ATTENTION: Final[Mapping[str, str]] = {
    "label_refused": "The carrier refused to sell a label, mostly for one of the two addresses. Correct the shipping "
    "address here (the buyer can, too), and the label is bought again. Or the seller gives another address to ship "
    "from, or sends the parcel with a carrier of their own; report it here then.",
    "refund_failed": "The payment provider could not give the money back, several times, or after it had. It "
    "is tried again, less often each time; look at this payment at the provider.",
    "dispute_open": "The buyer's bank disputes the payment. Answer at the payment provider before the evidence is due; "
    "until it is decided, nothing more happens to the money.",
    "charged_back": "The dispute is lost: the buyer's bank took the money back.",
    "partner_silent": "A partner has not answered for about a day. The step is tried again every hour, and this goes "
    "by itself with the next one that succeeds. Look at Connections for why, and at the partner's own status page.",
    "return_label_refused": "The carrier refused to sell a return label. The buyer can send the item with a carrier of "
    "their own: report it here then. Or approve the claim without a return, before it closes at its deadline.",
    "return_label_missing": "The seller never said where they ship from, so no return label can be bought. Tell the "
    "buyer where to send the item and report it here then. Or approve the claim without a return, before it closes at "
    "its deadline.",
}

#: The house's accounts.
ACCOUNTS: Final[Mapping[str, str]] = {
    ledger.PROVIDER: "At the payment provider",
    ledger.SELLERS_PENDING: "Sold, not yet the sellers'",
    ledger.COMMISSION: "Commission",
    ledger.SHIPPING: "Shipping paid by buyers",
    ledger.TAX: "Tax",
    ledger.LABELS: "Labels bought",
    ledger.CARRIERS: "Owed to carriers",
    ledger.PAYOUTS_IN_TRANSIT: "Payouts on their way",
    ledger.BONUSES: "Bonuses on store credit",
}
#: Accounts of people: the part before the colon.
_PERSONAL: Final[Mapping[str, str]] = {"seller": "Seller's balance", "store_credit": "Store credit"}

_STEPS: Final[Mapping[str, str]] = {
    "captured": "Payment taken",
    "label_issued": "Label bought",
    "label_voided": "Label given back",
    "return_label_issued": "Return label bought",
    "released": "Released to the seller",
    "started": "Payout begun",
    "paid": "Paid out",
    "failed": "Payout failed",
    "returned": "Payout came back",
    "cancelled": "Payout cancelled",
}


def name_account(account: str) -> str:
    """Say whose an account is."""
    return ACCOUNTS.get(account) or _PERSONAL.get(account.partition(":")[0], account)


def name_step(step: str) -> str:
    """Say what was booked; a refund books under its own id, and books back under the same."""
    if ledger.refund_of_step(step) != step:
        return "Refund came back"
    return "Refund" if step.startswith("ref_") else _STEPS.get(step, step)


def label_of(code: str) -> str:
    """Say a code in words."""
    return LABELS.get(code, code.replace("_", " ").capitalize())
