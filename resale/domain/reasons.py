"""Reason codes of changes. Ours are listed; others are free text."""

from enum import StrEnum
from typing import NewType, TypeAlias

#: A code of a partner's own, in the partner's words.
PartnerCode: TypeAlias = str
#: Free text given as a reason: a code of a partner or of the brand, of an error, or read from a document.
FreeCode = NewType("FreeCode", str)


class ReasonCode(StrEnum):
    """The reason of the platform for a change. Stable: in histories, and part of the API."""

    # why an order ended
    BUYER_CANCELLED = "buyer_cancelled"
    SELLER_CANCELLED = "seller_cancelled"
    BRAND_CANCELLED = "brand_cancelled"
    CANCELLED = "cancelled"  # of before there was a reason
    PAYMENT_DECLINED = "payment_declined"
    HOLD_EXPIRED = "hold_expired"
    NOT_SHIPPED_IN_TIME = "not_shipped_in_time"
    # why money went back, or came
    GOODWILL = "goodwill"
    NOT_DELIVERED = "not_delivered"
    CHARGEBACK = "chargeback"  # the buyer's bank took it
    DISPUTE_WON = "dispute_won"
    REFUNDED_AT_PROVIDER = "refunded_at_provider"  # not by us: in the provider's dashboard, or by the provider itself
    AMOUNT_MISMATCH = "amount_mismatch"
    CLAIM_NOT_AS_DESCRIBED = "claim_not_as_described"
    CLAIM_WRONG_ITEM = "claim_wrong_item"
    CLAIM_COUNTERFEIT = "claim_counterfeit"
    CLAIM_DAMAGED_IN_TRANSIT = "claim_damaged_in_transit"
    CLAIM_NOT_RECEIVED = "claim_not_received"
    CLAIM_LOST_IN_TRANSIT = "claim_lost_in_transit"
    PAYOUT_FAILED = "payout_failed"
    PAYOUT_CANCELLED = "payout_cancelled"
    # what became of a parcel or a label
    PARCEL_WAS_ON_ITS_WAY = "parcel_was_on_its_way"
    AUTO_RECEIVED = "auto_received"
    RETURNED_TO_SENDER = "returned_to_sender"
    LOST_IN_TRANSIT = "lost_in_transit"
    LABEL_REFUSED = "label_refused"
    ADDRESS_INVALID = "address_invalid"  # one of the two of a label
    # why nothing was done, or not yet
    NOTHING_TO_DO = "nothing_to_do"
    NOTHING_TO_DO_YET = "nothing_to_do_yet"
    REFUND_UNDER_WAY = "refund_under_way"
    REFERENCE_UNKNOWN = "reference_unknown"
    # why an event of a partner was not believed
    MODE_MISMATCH = "mode_mismatch"  # of test mode in a live shop, or the other way round
    ACCOUNT_MISMATCH = "account_mismatch"  # of a connected account that its subject does not belong to
    REFERENCE_MISMATCH = "reference_mismatch"  # the partner's reference belongs to another object than the id
    # what time ended
    TIME_OVER = "time_over"
    UPLOAD_MISSING = "upload_missing"


#: A reason as a change is given it: one of ours (also a state, or a claim's or a refusal's reason), or free text.
Reason: TypeAlias = StrEnum | FreeCode


def free_code(text: str | None) -> FreeCode | None:
    """Return a code that is not listed as a reason; None if there is none."""
    return None if text is None else FreeCode(text)
