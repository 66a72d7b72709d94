"""A change: what the last write to an item was, chained by hash to the one before.

The committed write is the message, so a change is stored in the item it describes. The hash covers the
exact stored bytes, so history can be verified without knowing what they mean.
"""

import hashlib
from datetime import datetime
from enum import StrEnum

import msgspec

from resale.domain.actors import Actor

GENESIS_HASH = ""


class ChangeType(StrEnum):
    """What a write can be: the noun of the entity (its ``object``) and, in the past tense, what happened to it.

    Histories keep them: none is renamed or removed once it was shipped.
    """

    CLAIM_APPROVED = "claim.approved"
    CLAIM_APPROVED_WITHOUT_RETURN = "claim.approved_without_return"
    CLAIM_DENIED = "claim.denied"
    CLAIM_EVIDENCE_ADDED = "claim.evidence_added"
    CLAIM_EVIDENCE_REQUESTED = "claim.evidence_requested"
    CLAIM_EXPIRED = "claim.expired"
    CLAIM_OPENED = "claim.opened"
    CLAIM_POSTPONED = "claim.postponed"
    CLAIM_REFUNDED = "claim.refunded"
    CLAIM_RETURN_LABEL_ISSUED = "claim.return_label_issued"
    CLAIM_RETURN_LABEL_REFUSED = "claim.return_label_refused"
    CLAIM_RETURN_LABEL_SOUGHT = "claim.return_label_sought"
    CLAIM_RETURN_LABEL_VOIDED = "claim.return_label_voided"
    CLAIM_RETURN_POLLED = "claim.return_polled"
    CLAIM_RETURN_SCANNED = "claim.return_scanned"
    CLAIM_RETURN_TRACKED = "claim.return_tracked"
    CLAIM_WITHDRAWN = "claim.withdrawn"
    CONNECTION_DEGRADED = "connection.degraded"
    CONNECTION_RECOVERED = "connection.recovered"
    CUSTOMER_CREATED = "customer.created"
    DEAD_LETTER_DISCARDED = "dead_letter.discarded"
    DEAD_LETTER_REPLAY_STARTED = "dead_letter.replay_started"
    DEAD_LETTER_REPLAYED = "dead_letter.replayed"
    IMAGE_AWAITED = "image.awaited"
    IMAGE_EXPIRED = "image.expired"
    IMAGE_READY = "image.ready"
    IMAGE_REJECTED = "image.rejected"
    IMAGE_REQUESTED = "image.requested"
    IMAGE_RETRIED = "image.retried"
    INBOUND_FAILED = "inbound.failed"
    INBOUND_IGNORED = "inbound.ignored"
    INBOUND_POSTPONED = "inbound.postponed"
    INBOUND_PROCESSED = "inbound.processed"
    INBOUND_RECEIVED = "inbound.received"
    LISTING_APPROVED = "listing.approved"
    LISTING_CHANGES_REQUESTED = "listing.changes_requested"
    LISTING_CREATED = "listing.created"
    LISTING_EDITED = "listing.edited"
    LISTING_EXPIRED = "listing.expired"
    LISTING_PAUSED = "listing.paused"
    LISTING_REJECTED = "listing.rejected"
    LISTING_RELEASED = "listing.released"
    LISTING_RELISTED = "listing.relisted"
    LISTING_REMOVED = "listing.removed"
    LISTING_RESERVED = "listing.reserved"
    LISTING_RESUMED = "listing.resumed"
    LISTING_SOLD = "listing.sold"
    LISTING_SUBMITTED = "listing.submitted"
    LISTING_WITHDRAWN = "listing.withdrawn"
    ORDER_ACKNOWLEDGED = "order.acknowledged"
    ORDER_ADDRESS_CORRECTED = "order.address_corrected"
    ORDER_CANCEL_REQUESTED = "order.cancel_requested"
    ORDER_CANCELLED = "order.cancelled"
    ORDER_CANCELLING = "order.cancelling"
    ORDER_CHARGED_BACK = "order.charged_back"
    ORDER_CLAIM_CLOSED = "order.claim_closed"
    ORDER_CLAIM_OPENED = "order.claim_opened"
    ORDER_COMPLETED = "order.completed"
    ORDER_CONFIRMED = "order.confirmed"
    ORDER_DELIVERED = "order.delivered"
    ORDER_DISPUTE_CLOSED = "order.dispute_closed"
    ORDER_DISPUTE_OPENED = "order.dispute_opened"
    ORDER_FUNDS_REINSTATED = "order.funds_reinstated"
    ORDER_LABEL_ISSUED = "order.label_issued"
    ORDER_LABEL_REFUSED = "order.label_refused"
    ORDER_LABEL_REQUESTED = "order.label_requested"
    ORDER_LABEL_SOUGHT = "order.label_sought"
    ORDER_LABEL_VOIDED = "order.label_voided"
    ORDER_LOST = "order.lost"
    ORDER_PAYMENT_AUTHORIZED = "order.payment_authorized"
    ORDER_PAYMENT_AWAITED = "order.payment_awaited"
    ORDER_PAYMENT_FAILED = "order.payment_failed"
    ORDER_PAYMENT_REQUIRES_ACTION = "order.payment_requires_action"
    ORDER_PAYMENT_STARTED = "order.payment_started"
    ORDER_POSTPONED = "order.postponed"
    ORDER_RECEIPT_CONFIRMED = "order.receipt_confirmed"
    ORDER_REFUND_AWAITED = "order.refund_awaited"
    ORDER_REFUND_FAILED = "order.refund_failed"
    ORDER_REFUND_STARTED = "order.refund_started"
    ORDER_REFUNDED = "order.refunded"
    ORDER_SALE_BOOKED = "order.sale_booked"
    ORDER_SHIP_EXPIRED = "order.ship_expired"
    ORDER_SHIPPED = "order.shipped"
    ORDER_SUBMITTED = "order.submitted"
    ORDER_TRACKED = "order.tracked"
    ORDER_TRACKING_POLLED = "order.tracking_polled"
    PAYOUT_AWAITED = "payout.awaited"
    PAYOUT_CANCELLED = "payout.cancelled"
    PAYOUT_CREATED = "payout.created"
    PAYOUT_FAILED = "payout.failed"
    PAYOUT_PAID = "payout.paid"
    PAYOUT_POSTPONED = "payout.postponed"
    PAYOUT_RETURNED = "payout.returned"
    PAYOUT_SENDING_STARTED = "payout.sending_started"
    PAYOUT_SENT = "payout.sent"
    PURCHASE_CLAIMED = "purchase.claimed"
    PURCHASE_RECORDED = "purchase.recorded"
    PURCHASE_RELEASED = "purchase.released"
    SELLER_BALANCE_CHANGED = "seller.balance_changed"
    SELLER_EDITED = "seller.edited"
    SELLER_PAYOUT_PASSED = "seller.payout_passed"
    TEST_CLOCK_ADVANCED = "test_clock.advanced"
    TEST_CLOCK_CREATED = "test_clock.created"
    TRANSFER_AVAILABLE = "transfer.available"
    TRANSFER_HELD = "transfer.held"
    TRANSFER_REDUCED = "transfer.reduced"
    TRANSFER_REOPENED = "transfer.reopened"
    TRANSFER_RESTORED = "transfer.restored"
    TRANSFER_REVERSED = "transfer.reversed"
    TRANSFER_SETTLED = "transfer.settled"
    TRANSFER_TAKEN_BACK = "transfer.taken_back"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One link of an entity's history. ``at`` is aware UTC; hashes are lower-case hex SHA-256.

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
    """Compute the link: SHA-256 of prev_hash, id, version, the change without its hash, doc and private.

    Parts are length-prefixed, so no two different inputs share one byte string.
    """
    unhashed = msgspec.structs.replace(change, hash="")
    digest = hashlib.sha256()
    for part in (change.prev_hash, entity_id, str(version), encode_change(unhashed), doc, private or ""):
        raw = part.encode()
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
    return digest.hexdigest()


def encode_change(change: Change) -> str:
    """Write a change as the JSON string an item stores; field order is the struct's, always."""
    return _ENCODER.encode(change).decode()


def decode_change(raw: str) -> Change:
    """Read a stored change."""
    return _DECODER.decode(raw)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Change)
