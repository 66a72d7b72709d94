"""Policies: the rules of one shop, each with a default. ``docs/reference/policies.md`` is written from them."""

from typing import Annotated

import msgspec

from resale.domain.commissions import CommissionPosting, CommissionRecognition
from resale.domain.money import MAX_AMOUNT_MINOR


def _whole(about: str, *, ge: int, le: int) -> msgspec.Meta:
    return msgspec.Meta(description=about, ge=ge, le=le)


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of a shop: price limits, deadlines, rates, and whether only purchased items can be listed.

    The defaults are the field's (DOMAIN.md, default timers). Prices are in minor units of the shop's currency. Each
    field has a sentence for the shop's staff as its ``description``.
    """

    min_price_minor: Annotated[
        int, _whole("The lowest price of a listing, in minor units; 0: no limit.", ge=0, le=MAX_AMOUNT_MINOR)
    ] = 0
    max_price_minor: Annotated[
        int, _whole("The highest price of a listing, in minor units; 0: no limit.", ge=0, le=MAX_AMOUNT_MINOR)
    ] = 0
    listing_days: Annotated[int, _whole("Days after which a listing on sale expires.", ge=1, le=365)] = 90
    hold_minutes: Annotated[int, _whole("Minutes for which an unpaid order reserves its listing.", ge=1, le=30)] = 15
    ship_by_business_days: Annotated[
        int,
        _whole("Business days of the market in which the seller ships; then the buyer is refunded.", ge=1, le=30),
    ] = 5
    claim_window_hours: Annotated[
        int, _whole("Hours after delivery in which the buyer can open a claim.", ge=1, le=24 * 30)
    ] = 72
    return_ship_hours: Annotated[
        int, _whole("Hours in which the buyer sends a claimed item back, from the return label on.", ge=24, le=24 * 30)
    ] = 72
    auto_receive_days: Annotated[
        int, _whole("Days after which a shipped parcel without a scan counts as delivered.", ge=1, le=60)
    ] = 14
    claim_close_days: Annotated[int, _whole("Days after which an undecided claim is closed.", ge=1, le=180)] = 60
    refund_window_days: Annotated[
        int, _whole("Days after the payment in which the brand can refund an order.", ge=1, le=365)
    ] = 180
    payout_delay_hours: Annotated[
        int, _whole("Hours between the completion of a sale and its automatic payout.", ge=0, le=24 * 30)
    ] = 48
    store_credit_bonus_basis_points: Annotated[
        int, _whole("What the shop adds to a payout as store credit, in hundredths of a per cent.", ge=0, le=10_000)
    ] = 0
    commission_recognition: Annotated[
        CommissionRecognition,
        msgspec.Meta(
            description=(
                "When commission becomes income: at the completion of the sale (deferred until then), or at capture."
            )
        ),
    ] = CommissionRecognition.AT_COMPLETION
    commission_vat_basis_points: Annotated[
        int, _whole("The VAT that commission includes, in hundredths of a per cent; 0: none.", ge=0, le=10_000)
    ] = 0
    purchase_required: Annotated[
        bool, msgspec.Meta(description="Whether only items of a recorded purchase can be listed.")
    ] = False

    def __post_init__(self) -> None:
        """Verify the price limits. Raises ValueError, which msgspec converts into its own error."""
        if 0 < self.max_price_minor < self.min_price_minor:
            raise ValueError("The lowest price is higher than the highest price.")

    @property
    def commission_posting(self) -> CommissionPosting:
        """How the commission of an order that is captured now is posted."""
        return CommissionPosting(
            recognition=self.commission_recognition, vat_basis_points=self.commission_vat_basis_points
        )
