"""Policies: the rules of one shop, each with a default. ``docs/reference/policies.md`` is written from them."""

from enum import StrEnum
from typing import Annotated

import msgspec

from resale.domain.commissions import CommissionPosting, CommissionRecognition
from resale.domain.money import MAX_AMOUNT_MINOR
from resale.domain.parcel_sizes import ProductType


def _whole(about: str, *, ge: int, le: int) -> msgspec.Meta:
    return msgspec.Meta(description=about, ge=ge, le=le)


class RefundAt(StrEnum):
    """The event of a parcel that goes back at which the buyer is refunded."""

    FIRST_SCAN = "first_scan"
    DELIVERED = "delivered"


class LossBearer(StrEnum):
    """Who bears the loss of a parcel that the carrier lost."""

    PLATFORM = "platform"
    CARRIER_CLAIM = "carrier_claim"
    SELLER = "seller"


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
    max_open_holds: Annotated[int, _whole("Unpaid orders that a buyer can have at the same time.", ge=1, le=100)] = 5
    expected_total_required: Annotated[
        bool,
        msgspec.Meta(description="Whether an order must name the total that the buyer agreed to (`expected_total`)."),
    ] = False
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
    claim_notice_hours: Annotated[
        int,
        _whole("Hours that the buyer has for a claim at least, when a delivery is reported late.", ge=1, le=24 * 30),
    ] = 24
    scan_grace_hours: Annotated[
        int,
        _whole("Hours after a deadline to ship or return in which a late scan of the carrier counts.", ge=0, le=240),
    ] = 48
    refund_return_at: Annotated[
        RefundAt,
        msgspec.Meta(
            description="Whether a claim's return is refunded at its first scan, or when it is delivered to the seller."
        ),
    ] = RefundAt.FIRST_SCAN
    refund_undelivered_at: Annotated[
        RefundAt,
        msgspec.Meta(
            description=(
                "Whether a buyer whose parcel goes back to its sender (refused, not collected, undeliverable) is "
                "refunded when it turns back, or when it is delivered to the seller."
            )
        ),
    ] = RefundAt.FIRST_SCAN
    lost_after_hours: Annotated[
        int,
        _whole("Hours between the report of a lost parcel and the refund of its buyer.", ge=0, le=24 * 30),
    ] = 72
    lost_parcel_borne_by: Annotated[
        LossBearer,
        msgspec.Meta(
            description=(
                "Who bears the loss of a parcel with a label of the shop's carrier: the platform, the carrier (a claim "
                "is posted as a receivable), or the seller. Of other parcels the seller does."
            )
        ),
    ] = LossBearer.CARRIER_CLAIM
    auto_receive_days: Annotated[
        int, _whole("Days after which a shipped parcel without a scan counts as delivered.", ge=1, le=60)
    ] = 14
    claim_close_days: Annotated[int, _whole("Days after which an undecided claim is closed.", ge=1, le=180)] = 60
    refund_window_days: Annotated[
        int, _whole("Days after the payment in which the brand can refund an order.", ge=1, le=365)
    ] = 180
    refund_alert_days: Annotated[
        int, _whole("Days after which a refund that the payment provider has not finished is an issue.", ge=1, le=60)
    ] = 10
    payout_delay_hours: Annotated[
        int,
        _whole(
            "Hours from the completion of a sale until it can be paid out, whoever starts the payout.", ge=0, le=24 * 30
        ),
    ] = 48
    payment_watch_days: Annotated[
        int,
        _whole(
            "Days after the payment in which the payment provider is polled for refunds and disputes whose webhook was"
            " lost; card holders can usually dispute a payment for 120 days. 0: webhooks only.",
            ge=0,
            le=540,
        ),
    ] = 120
    dispute_holds_payout: Annotated[
        bool, msgspec.Meta(description="Whether the seller's money of a disputed payment is not paid out meanwhile.")
    ] = True
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
    typed_payout_destinations: Annotated[
        bool,
        msgspec.Meta(
            description=(
                "Whether sellers can enter a payout destination themselves, instead of onboarding at the payment "
                "provider; deprecated."
            )
        ),
    ] = True
    store_credit_waits: Annotated[
        bool,
        msgspec.Meta(description="Whether store credit is paid out after the same delay as cash; if not, at once."),
    ] = True
    parcel_weight_grams: Annotated[
        int, _whole("The weight of a parcel in grams, where listing and product type have none.", ge=1, le=50_000)
    ] = 1_000
    parcel_length_mm: Annotated[
        int, _whole("The length of a parcel in millimetres, where there is no other.", ge=1, le=3_000)
    ] = 350
    parcel_width_mm: Annotated[
        int, _whole("The width of a parcel in millimetres, where there is no other.", ge=1, le=3_000)
    ] = 250
    parcel_height_mm: Annotated[
        int, _whole("The height of a parcel in millimetres, where there is no other.", ge=1, le=3_000)
    ] = 100
    max_parcel_weight_grams: Annotated[
        int, _whole("The heaviest parcel that can be listed, in grams.", ge=1, le=50_000)
    ] = 30_000  # Royal Mail Tracked 30 kg, DPD and DHL Paket 31.5 kg, USPS 70 lb
    max_parcel_length_and_girth_mm: Annotated[
        int,
        _whole(
            "The largest parcel that can be listed: its longest side and twice each other, in millimetres.",
            ge=1,
            le=15_000,
        ),
    ] = 3_000  # DPD 3 m, USPS 130 in, UPS 165 in
    product_types: Annotated[
        tuple[ProductType, ...],
        msgspec.Meta(
            description=(
                "Parcel, HS code and country of origin by the beginning of the product reference, as JSON; the longest "
                "one that fits counts, and an empty one fits all."
            ),
            max_length=200,
        ),
    ] = ()
    bad_debt_days: Annotated[
        int,
        _whole(
            "Days without a change after which a seller's negative balance is written off; 0: never.", ge=0, le=3650
        ),
    ] = 180  # as Stripe's platforms bear connected accounts' (docs.stripe.com/connect/account-balances)
    provider_account_is_exclusive: Annotated[
        bool,
        msgspec.Meta(
            description=(
                "Whether only this shop uses its account at the payment provider. Then also fees of the account and "
                "its payouts to the bank are imported into the ledger, not only the fees of this shop's payments."
            )
        ),
    ] = False
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
