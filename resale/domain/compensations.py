"""Compensations: what a seller is paid for an item that they lost through no fault of theirs, and who bears it."""

from datetime import datetime
from enum import StrEnum

import msgspec

from resale.domain.money import AmountMinor
from resale.domain.policies import LossBearer


class CarrierClaimStatus(StrEnum):
    """The status of a claim on a carrier for a lost parcel."""

    OPEN = "open"
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"


class CarrierClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim on a carrier. ``amount`` is claimed, ``paid_amount`` is what the carrier credited in the end."""

    status: CarrierClaimStatus = CarrierClaimStatus.OPEN
    amount: AmountMinor
    paid_amount: AmountMinor = 0
    closed_at: datetime | None = None


class ParcelLoss(msgspec.Struct, frozen=True, kw_only=True):
    """Who bears the loss of a parcel, decided when it was given up; ``amount`` was the seller's share by then."""

    borne_by: LossBearer
    amount: AmountMinor


class Compensation(msgspec.Struct, frozen=True, kw_only=True):
    """What the seller of a refunded order is paid. ``borne_by`` is never the seller."""

    amount: AmountMinor
    borne_by: LossBearer
    reason_code: str  # a ReasonCode, or the brand's own
    paid_at: datetime
    carrier_claim: CarrierClaim | None = None


def bearer_of(policy: LossBearer, *, has_label: bool) -> LossBearer:
    """Return who bears the loss of a parcel: without a label of ours, the seller, whose contract it is."""
    return policy if has_label else LossBearer.SELLER
