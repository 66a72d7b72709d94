"""Changes: the last write to an item, chained by hash to the previous one.

The committed write is the message, so a change is stored in the item it describes. The hash covers the
exact stored bytes, so history can be verified without knowing what they mean.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Self

import msgspec

from resale.domain.actors import Actor

GENESIS_HASH = ""


class ChangeType(StrEnum):
    """The type of a change: the noun of the entity (its ``object``), and what happened, in the past tense.

    Histories keep them: none is renamed or removed once it was shipped. Beside each stands what it means to the reader
    of a history.
    """

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Create a member with its meaning."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    CLAIM_APPROVED = "claim.approved", "Approved, and the buyer returns the item. A return label is bought next."
    CLAIM_APPROVED_WITHOUT_RETURN = (
        "claim.approved_without_return",
        "Approved, and the buyer keeps the item. The order starts a refund.",
    )
    CLAIM_DENIED = "claim.denied", "The brand denied the claim. The order is completed."
    CLAIM_EVIDENCE_ADDED = "claim.evidence_added", "The buyer added a photo."
    CLAIM_EVIDENCE_REQUESTED = "claim.evidence_requested", "The brand requested more evidence from the buyer."
    CLAIM_EXPIRED = "claim.expired", "The deadline passed and the carrier has no return scan. The order is completed."
    CLAIM_OPENED = "claim.opened", "The buyer reported a problem. The seller's money stays on hold."
    CLAIM_POSTPONED = (
        "claim.postponed",
        "Postponed: the carrier service did not respond, another refund runs, or there is nothing to do yet.",
    )
    CLAIM_REFUNDED = "claim.refunded", "The buyer was refunded."
    CLAIM_RETURN_LABEL_ISSUED = "claim.return_label_issued", "The return label was bought. The buyer can send the item."
    CLAIM_RETURN_LABEL_REFUSED = "claim.return_label_refused", "The carrier refused the return label. Staff must act."
    CLAIM_RETURN_LABEL_REQUESTED = (
        "claim.return_label_requested",
        "The seller's address became known. The return label is bought next.",
    )
    CLAIM_RETURN_LABEL_SOUGHT = (
        "claim.return_label_sought",
        "The claim closed while its label was possibly being bought. A later step checks with the carrier.",
    )
    CLAIM_RETURN_LABEL_VOID_DECIDED = (
        "claim.return_label_void_decided",
        "The carrier decided whether it refunds the voided label. If not, its price stays posted.",
    )
    CLAIM_RETURN_LABEL_VOID_REQUESTED = (
        "claim.return_label_void_requested",
        "The label of a closed claim was voided, and the carrier decides later whether it refunds its price.",
    )
    CLAIM_RETURN_LABEL_VOIDED = (
        "claim.return_label_voided",
        "The label of a closed claim was voided, or no label was bought.",
    )
    CLAIM_RETURN_POLLED = "claim.return_polled", "The carrier was polled and had no news."
    CLAIM_RETURN_SCANNED = (
        "claim.return_scanned",
        "The carrier has the return parcel. The order starts a refund, now or at its arrival.",
    )
    CLAIM_RETURN_TRACKED = "claim.return_tracked", "The carrier reported an event that changes no state."
    CLAIM_WITHDRAWN = "claim.withdrawn", "The buyer withdrew the claim. The order is completed."
    CONNECTION_DEGRADED = (
        "connection.degraded",
        "The circuit breaker opened after failures. The change carries the reason.",
    )
    CONNECTION_RECOVERED = "connection.recovered", "The partner responds again."
    CUSTOMER_CREATED = "customer.created", "A shopper made their first write."
    DEAD_LETTER_DISCARDED = "dead_letter.discarded", "Staff discarded a message and gave a reason."
    DEAD_LETTER_REPLAY_STARTED = (
        "dead_letter.replay_started",
        "Staff started the replay of a message. Its body is stored.",
    )
    DEAD_LETTER_REPLAYED = "dead_letter.replayed", "The message was sent to its queue again."
    IMAGE_AWAITED = "image.awaited", "No upload has arrived yet. A later step checks again."
    IMAGE_EXPIRED = "image.expired", "No upload arrived in time."
    IMAGE_READY = "image.ready", "All renditions are stored."
    IMAGE_REJECTED = "image.rejected", "The upload was rejected. The change carries the reason."
    IMAGE_REQUESTED = "image.requested", "A listing requested an image slot. Its upload form was issued."
    IMAGE_RETRIED = (
        "image.retried",
        "The message about the upload was delivered again. A fault of the store starts the count again.",
    )
    INBOUND_FAILED = (
        "inbound.failed",
        "The object that the event is about refused it twice. The change carries the reason.",
    )
    INBOUND_IGNORED = "inbound.ignored", "The event is about nothing known here."
    INBOUND_POSTPONED = (
        "inbound.postponed",
        "Postponed: no response of the partner, an unknown reference, or the first refusal by the object.",
    )
    INBOUND_PROCESSED = "inbound.processed", "The object that the event is about was updated."
    INBOUND_RECEIVED = "inbound.received", "A partner sent a webhook. It is stored encrypted."
    LISTING_APPROVED = "listing.approved", "The listing was approved and is on sale."
    LISTING_CHANGES_REQUESTED = (
        "listing.changes_requested",
        "Staff requested changes; the seller submits the listing again.",
    )
    LISTING_CREATED = "listing.created", "The seller created a draft and its image slots."
    LISTING_EDITED = "listing.edited", "The seller edited the listing. An active or paused one returns to review."
    LISTING_EXPIRED = "listing.expired", "Its time on sale ended. The seller can submit it again."
    LISTING_PAUSED = "listing.paused", "The seller paused it. Nobody else sees it."
    LISTING_REJECTED = "listing.rejected", "Staff rejected it for this shop."
    LISTING_RELEASED = "listing.released", "Its order ended without a sale. It is on sale again."
    LISTING_RELISTED = "listing.relisted", "A new listing was created for an item that came back. It waits for review."
    LISTING_REMOVED = "listing.removed", "Staff removed it from sale. The seller sees the reason."
    LISTING_RESERVED = "listing.reserved", "It is reserved for one order."
    LISTING_RESUMED = "listing.resumed", "It is on sale again after a pause."
    LISTING_SOLD = "listing.sold", "Its order was paid."
    LISTING_SUBMITTED = "listing.submitted", "The seller submitted it. Its images are frozen, and it waits for review."
    LISTING_WITHDRAWN = "listing.withdrawn", "The seller withdrew it."
    ORDER_ACKNOWLEDGED = "order.acknowledged", "Staff acknowledged an issue that has nothing left to do, with a reason."
    ORDER_ADDRESS_CORRECTED = (
        "order.address_corrected",
        "The shipping address was corrected. A label that was refused is bought again.",
    )
    ORDER_AMOUNT_MISMATCHED = (
        "order.amount_mismatched",
        "The provider reported another amount or currency than ours. Nothing was posted; staff must act.",
    )
    ORDER_CANCEL_REQUESTED = (
        "order.cancel_requested",
        "Cancellation was requested during a payment. The next step honours it.",
    )
    ORDER_CANCELLED = "order.cancelled", "The order ended without a sale. Any charge was refunded."
    ORDER_CANCELLING = (
        "order.cancelling",
        "A paid order is being cancelled: the label is voided, then the money is refunded.",
    )
    ORDER_CARRIER_CLAIM_CLOSED = (
        "order.carrier_claim_closed",
        "The carrier decided on the claim for a lost parcel. What it did not pay is written off.",
    )
    ORDER_CHARGED_BACK = (
        "order.charged_back",
        "The dispute is lost: the bank reversed the payment. It is posted like a refund.",
    )
    ORDER_CLAIM_CLOSED = (
        "order.claim_closed",
        "The claim closed without a refund. The order waits for the end of its dispute.",
    )
    ORDER_CLAIM_OPENED = "order.claim_opened", "The buyer opened a claim. The order cannot complete meanwhile."
    ORDER_COMPENSATED = (
        "order.compensated",
        "The seller of a refunded order was paid for an item that is lost or with the buyer.",
    )
    ORDER_COMPLETED = "order.completed", "Buyer protection ended. The seller's transfer is available."
    ORDER_CONFIRMED = "order.confirmed", "The payment was captured. The seller's transfer is held."
    ORDER_DELIVERED = "order.delivered", "The parcel arrived, or had no scan for too long. The claim window starts."
    ORDER_DISPUTE_CLOSED = "order.dispute_closed", "The dispute ended for the seller, or had nothing left to take."
    ORDER_DISPUTE_OPENED = (
        "order.dispute_opened",
        "The buyer's bank opened a dispute. The order cannot complete meanwhile.",
    )
    ORDER_FUNDS_REINSTATED = "order.funds_reinstated", "A lost dispute was won later. Its entries are reversed."
    ORDER_LABEL_ISSUED = "order.label_issued", "The label was bought. The seller can send the parcel."
    ORDER_LABEL_REFUSED = (
        "order.label_refused",
        "The carrier refused the label, usually for an address. Someone must correct it.",
    )
    ORDER_LABEL_REQUESTED = "order.label_requested", "The seller requested a label and gave the address to ship from."
    ORDER_LABEL_SOUGHT = (
        "order.label_sought",
        "The label is no longer wanted while it is possibly being bought. A later step checks with the carrier.",
    )
    ORDER_LABEL_VOID_DECIDED = (
        "order.label_void_decided",
        "The carrier decided whether it refunds the voided label. If not, its price stays posted.",
    )
    ORDER_LABEL_VOID_REQUESTED = (
        "order.label_void_requested",
        "The label was voided, and the carrier decides later whether it refunds its price. The refund follows.",
    )
    ORDER_LABEL_VOIDED = "order.label_voided", "The label was voided. The refund follows."
    ORDER_LOST = "order.lost", "The carrier lost the parcel or returns it. The refund follows."
    ORDER_PAYMENT_AUTHORIZED = "order.payment_authorized", "The payment was authorised. The capture follows."
    ORDER_PAYMENT_AWAITED = "order.payment_awaited", "The buyer has not completed 3-D Secure yet."
    ORDER_PAYMENT_FAILED = "order.payment_failed", "The payment was declined. The change carries the reason."
    ORDER_PAYMENT_REQUIRES_ACTION = "order.payment_requires_action", "The buyer must complete 3-D Secure."
    ORDER_PAYMENT_STARTED = (
        "order.payment_started",
        "A payment attempt was committed. The call to the provider follows.",
    )
    ORDER_PAYMENT_REVIEWED = (
        "order.payment_reviewed",
        "The provider was polled for refunds and disputes, and had no news that is posted.",
    )
    ORDER_POSTPONED = (
        "order.postponed",
        "The step was postponed: a partner did not respond, or there is nothing to do yet.",
    )
    ORDER_RECEIPT_CONFIRMED = "order.receipt_confirmed", "The buyer confirmed receipt. The order completes now."
    ORDER_REFUND_ADOPTED = (
        "order.refund_adopted",
        "Somebody refunded the payment at the provider, or the provider did. It is posted like a refund of ours.",
    )
    ORDER_REFUND_AWAITED = "order.refund_awaited", "The provider has not finished the refund yet."
    ORDER_REFUND_FAILED = "order.refund_failed", "The refund failed. It is retried later under a new id."
    ORDER_REFUND_STARTED = "order.refund_started", "A refund was committed. The call to the provider follows."
    ORDER_REFUNDED = "order.refunded", "All or part of the money was refunded and posted to the ledger."
    ORDER_RETURN_TRACKED = (
        "order.return_tracked",
        "A return that was refunded, or whose claim is closed, has news that staff must know of.",
    )
    ORDER_SALE_BOOKED = (
        "order.sale_booked",
        "An order of an old release received its transfer, entries and shipping deadline.",
    )
    ORDER_SHIP_EXPIRED = "order.ship_expired", "The seller did not ship in time. The refund follows."
    ORDER_SHIPPED = "order.shipped", "The carrier has the parcel."
    ORDER_SUBMITTED = "order.submitted", "One buyer reserved the listing."
    ORDER_TRACKED = "order.tracked", "The carrier reported an event that changes no state."
    ORDER_TRACKING_POLLED = "order.tracking_polled", "The carrier was polled and had no news."
    PAYOUT_AWAITED = (
        "payout.awaited",
        "The payout is still on its way, or is paid and watched because the bank can return it.",
    )
    PAYOUT_CANCELLED = "payout.cancelled", "Cancelled before it was sent. The seller's balance has the money again."
    PAYOUT_CREATED = "payout.created", "A payout was created. It settles the seller's available transfers."
    PAYOUT_FAILED = "payout.failed", "The payout failed. The seller's balance has the money again."
    PAYOUT_PAID = "payout.paid", "The payout arrived at the bank, or became store credit."
    PAYOUT_POSTPONED = "payout.postponed", "The provider did not respond several times. A later step retries."
    PAYOUT_RETURNED = "payout.returned", "The bank returned the payout. The seller's balance has the money again."
    PAYOUT_SENDING_STARTED = (
        "payout.sending_started",
        "Sending was committed: from now on the payout cannot be cancelled.",
    )
    PAYOUT_SENT = "payout.sent", "The provider accepted the payout."
    PAYOUT_STUCK = (
        "payout.stuck",
        "The seller's account left the provider before the payout arrived or came back. Staff must act.",
    )
    PURCHASE_CLAIMED = "purchase.claimed", "A listing claimed one of its units."
    PURCHASE_RECORDED = "purchase.recorded", "The brand recorded the purchase, or updated it."
    PURCHASE_RELEASED = (
        "purchase.released",
        "A listing that had claimed a unit ended unsold. The unit can be listed again.",
    )
    SELLER_BALANCE_CHANGED = "seller.balance_changed", "A transfer, a debt or a payout changed the balance."
    SELLER_DEBT_WRITTEN_OFF = "seller.debt_written_off", "The shop wrote off what the seller owed."
    SELLER_EDITED = "seller.edited", "The seller changed how they are paid, or where they ship from."
    SELLER_PAYOUT_ACCOUNT_CHANGED = (
        "seller.payout_account_changed",
        "The payment provider stopped or enabled payouts to the seller's account, or changed what it requires.",
    )
    SELLER_PAYOUT_PASSED = "seller.payout_passed", "A payout was due, but the balance was empty or had no destination."
    TEST_CLOCK_ADVANCED = "test_clock.advanced", "The sandbox shop's test clock was advanced."
    TEST_CLOCK_CREATED = "test_clock.created", "The sandbox shop has a test clock."
    TRANSFER_AVAILABLE = "transfer.available", "The order completed: the seller can be paid this transfer."
    TRANSFER_FROZEN = "transfer.frozen", "The payment is disputed: the transfer is not paid out meanwhile."
    TRANSFER_HELD = "transfer.held", "A sale earned this transfer. It is held until the order completes."
    TRANSFER_REDUCED = "transfer.reduced", "Part of the money was refunded while the transfer was held."
    TRANSFER_REOPENED = "transfer.reopened", "Its payout failed."
    TRANSFER_RESTORED = (
        "transfer.restored",
        "A refund came back: the transfer is held again or, after completion, available.",
    )
    TRANSFER_REVERSED = "transfer.reversed", "All of the money was refunded while the transfer was held."
    TRANSFER_SETTLED = "transfer.settled", "A payout includes it."
    TRANSFER_UNFROZEN = "transfer.unfrozen", "The dispute ended: the transfer can be paid out again."
    TRANSFER_TAKEN_BACK = "transfer.taken_back", "A refund after completion: a transfer of its own, below zero."


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change in the history of an object. ``at`` is in UTC; hashes are lower-case hexadecimal SHA-256.

    ``type`` is a ChangeType, or one of another release.
    """

    id: str
    type: str
    actor: Actor
    request_id: str
    transaction_id: str
    at: datetime
    reason_code: str | None = None
    prev_hash: str = GENESIS_HASH
    hash: str = ""


def hash_change(*, entity_id: str, version: int, change: Change, doc: str, private: str | None) -> str:
    """Return the hash of a change: SHA-256 of prev_hash, id, version, the change without its hash, doc, private.

    Parts are length-prefixed, so no two different inputs share one byte string.
    """
    unhashed = msgspec.structs.replace(change, hash="")
    texts = (change.prev_hash, entity_id, str(version), encode_change(unhashed), doc, private or "")
    return hashlib.sha256(b"".join([b"%d:%b" % (len(raw), raw) for raw in map(str.encode, texts)])).hexdigest()


def encode_change(change: Change) -> str:
    """Encode a change as the stored JSON; the field order is that of the struct."""
    return _ENCODER.encode(change).decode()


def decode_change(raw: str) -> Change:
    """Decode a stored change."""
    return _DECODER.decode(raw)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Change)
