"""Orders: one buyer, one listing, amounts that sum."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.addresses import Address
from resale.domain.commissions import CommissionPosting
from resale.domain.compensations import Compensation, ParcelLoss
from resale.domain.ids import LISTING_ID, ClaimId, CustomerId, ListingId, OrderId
from resale.domain.issues import Issue, WithIssues, issues_of
from resale.domain.listing_snapshots import ListingSnapshot
from resale.domain.money import AmountMinor, Currency
from resale.domain.payments import Dispute, DisputeStatus, Payment, Refund, RefundState
from resale.domain.reasons import ReasonCode
from resale.domain.return_urls import ReturnURL
from resale.domain.shipments import Shipment
from resale.domain.shipping_profiles import ShippingLine
from resale.domain.taxes import TaxLine
from resale.domain.text import code, reference
from resale.errors import Conflict, Forbidden, NotFound, Rejected

SCHEMA: Final = 2
MAX_REFUNDS: Final = 50  # of one order, failed ones included: some 20 KB of an item, which is bounded to 100
_UNDER_WAY: Final = frozenset({RefundState.PENDING, RefundState.FAILED})
_BY_OTHERS: Final = frozenset({ReasonCode.CHARGEBACK, ReasonCode.REFUNDED_AT_PROVIDER})


class OrderStatus(StrEnum):
    """The status of an order."""

    SUBMITTED = "submitted"
    PAYMENT_PENDING = "payment_pending"
    PAYMENT_FAILED = "payment_failed"
    CONFIRMED = "confirmed"
    AWAITING_SHIPMENT = "awaiting_shipment"
    SHIP_EXPIRED = "ship_expired"
    CANCELLING = "cancelling"
    SHIPPED = "shipped"
    LOST = "lost"
    DELIVERED = "delivered"
    CLAIM_OPEN = "claim_open"
    COMPLETED = "completed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


class OrderCommand(StrEnum):
    """A command on an order."""

    START_PAYMENT = "start_payment"
    CONFIRM = "confirm"
    FAIL_PAYMENT = "fail_payment"
    CANCEL = "cancel"
    BEGIN_CANCEL = "begin_cancel"
    ISSUE_LABEL = "issue_label"
    EXPIRE_SHIPPING = "expire_shipping"
    SHIP = "ship"
    DELIVER = "deliver"
    LOSE = "lose"
    OPEN_CLAIM = "open_claim"
    CLOSE_CLAIM = "close_claim"
    COMPLETE = "complete"
    REFUND = "refund"
    RESUME = "resume"


class OrderNotFound(NotFound):
    """The order does not exist, or the caller has no permission to see it."""

    code = "order_not_found"
    title = "Order not found"
    default_detail = "No order with this id exists, or this caller cannot see it."


class OrderTransitionRefused(Rejected):
    """The status of the order does not allow the command."""

    code = "order_transition_refused"
    title = "Order status does not allow this"
    default_detail = "The status of the order does not allow this. Read the order again."


class IssueNeedsAction(Rejected):
    """The issue of the order still needs action, so it cannot be acknowledged."""

    code = "attention_open"
    title = "Issue needs action"
    default_detail = "The issue of this order still needs action. It clears when that is done."


class OwnListing(Forbidden):
    """The buyer is the seller of the listing."""

    code = "own_listing"
    title = "Own listing"
    default_detail = "A seller cannot buy their own listing."


class OrderChanged(Conflict):
    """Another writer changed the order first."""

    code = "order_changed"
    title = "Order changed"
    default_detail = "Another request changed the order meanwhile. Read it again, then retry."


#: A provider's name of a way to pay. Twelve digits in a row are no such name: they might be a card's.
PaymentToken = Annotated[str, code(r"^(tok|pm)_(?!.*[0-9]{12})[A-Za-z0-9_]+\Z", min_length=4, max_length=200)]


class ExpectedTotal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The total that the buyer saw and agreed to, in minor units."""

    amount: AmountMinor
    currency: Currency


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of a new order. ``payment_token`` is a payment provider's token, never a card number.

    ``return_url`` is the brand's page to which the buyer's bank redirects them (3-D Secure). ``expected_total`` is
    what the buyer agreed to pay; ``listing_version`` is the version of the listing that they saw.
    """

    listing_id: Annotated[ListingId, reference(LISTING_ID.pattern)]
    shipping_address: Address
    payment_token: PaymentToken
    return_url: ReturnURL | None = None
    expected_total: ExpectedTotal | None = None
    listing_version: Annotated[int, msgspec.Meta(ge=1, le=2**31)] | None = None


class OrderPrivate(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed part of an order, which only its parties and steps can read."""

    shipping_address: Address
    payment_token: str
    label_url: str | None = None
    label_message: str | None = None  # why the carrier refused the label, in its own words
    return_url: str | None = None  # a page may carry what is personal in its query


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an order's amount in minor units of one currency. They sum to ``grand_total``.

    ``item_total`` and ``shipping_total`` are without tax, also where the shop's prices include it.
    """

    currency: str
    item_total: AmountMinor
    shipping_total: AmountMinor
    tax_total: AmountMinor
    grand_total: AmountMinor


class Commission(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's commission, fixed at the time of the sale.

    ``unit`` is what the seller's share was rounded to a multiple of, in minor units; the commission bears the rounding.
    """

    basis_points: int
    base: AmountMinor
    amount: AmountMinor
    rule_version: str
    unit: int = 1


class Order(WithIssues, frozen=True, kw_only=True):
    """An order as stored: everything but ``private`` is its ``doc``."""

    id: OrderId
    object: str = "order"
    schema: int = SCHEMA
    version: int = 0
    livemode: bool
    status: OrderStatus = OrderStatus.SUBMITTED
    listing_id: ListingId
    buyer_id: CustomerId
    seller_id: CustomerId
    market: str
    locale: str
    listing: ListingSnapshot
    amounts: Amounts
    shipping: ShippingLine | None = None  # none where the shop charges none, or before it could
    tax: TaxLine | None = None  # the same
    commission: Commission
    commission_posting: CommissionPosting = CommissionPosting()
    payment: Payment | None = None
    cancel_requested: bool = False
    cancel_reason: ReasonCode | None = None
    hold_expires_at: datetime
    confirmed_at: datetime | None = None
    ship_by: datetime | None = None
    ship_late_at: datetime | None = None  # ``ship_by`` and the grace for a late scan
    shipment: Shipment | None = None
    auto_receive_at: datetime | None = None
    undelivered_at: datetime | None = None  # a lost parcel, or one on its way back, is given up then
    parcel_review_at: datetime | None = None  # of an ended order whose parcel is neither delivered nor back
    loss: ParcelLoss | None = None
    compensation: Compensation | None = None
    claim_until: datetime | None = None
    receipt_confirmed_at: datetime | None = None
    claim_id: ClaimId | None = None
    completed_at: datetime | None = None
    refunds: tuple[Refund, ...] = ()
    dispute: Dispute | None = None  # the one that matters most; the only one in old documents
    disputes: tuple[Dispute, ...] = ()
    unposted: tuple[
        str, ...
    ] = ()  # the provider's references whose amount does not fit: staff decide, nothing is posted
    settled_by_hand: tuple[str, ...] = ()  # those of them that staff acknowledged: they stay unposted
    has_foreign_refund_pending: bool = False  # somebody refunds at the provider, and it is not done
    payment_review_at: datetime | None = None  # when the provider is polled for refunds and disputes of the payment
    step_tries: int = 0  # how often the present step was put off
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    private: str | UnsetType = UNSET

    @property
    def currency(self) -> str:
        """The currency of the order."""
        return self.amounts.currency

    @property
    def remaining_minor(self) -> int:
        """The captured amount minus refunds."""
        return 0 if self.payment is None else self.payment.captured_minor - self.payment.refunded_minor

    @property
    def pending_refund(self) -> Refund | None:
        """The pending refund; there is at most one."""
        return next((refund for refund in self.refunds if refund.status == RefundState.PENDING), None)

    @property
    def failed_refund(self) -> Refund | None:
        """The last failed refund, which is retried while an amount remains."""
        if not self.remaining_minor:
            return None
        return next((refund for refund in reversed(self.refunds) if refund.status == RefundState.FAILED), None)

    @property
    def is_refund_under_way(self) -> bool:
        """Whether a refund has started and is not completed, including a failed one that is retried."""
        return self.pending_refund is not None or self.failed_refund is not None

    def sum_under_way(self) -> int:
        """Return the amount of the refunds that have started and are not completed, in minor units."""
        return sum(one.amount for one in self.refunds if one.status in _UNDER_WAY)

    @property
    def has_refund_begun(self) -> bool:
        """Whether this platform started a refund; a chargeback or a refund made at the provider does not count."""
        return any(refund.reason_code not in _BY_OTHERS for refund in self.refunds)

    @property
    def is_disputed(self) -> bool:
        """Whether a dispute is open."""
        return any(dispute.status == DisputeStatus.OPEN for dispute in disputes_of(self))

    @property
    def is_money_held(self) -> bool:
        """Whether the seller is not paid yet: the buyer can still get the money back by what others decide."""
        return self.is_disputed or self.has_foreign_refund_pending or Issue.AMOUNT_MISMATCH in issues_of(self)


def disputes_of(order: Order) -> tuple[Dispute, ...]:
    """Return the disputes of an order, the oldest first; one stored before there could be several has one."""
    return order.disputes or (() if order.dispute is None else (order.dispute,))


def with_refund(order: Order, refund: Refund) -> Order:
    """Return the order with a changed refund."""
    refunds = tuple(refund if one.id == refund.id else one for one in order.refunds)
    return msgspec.structs.replace(order, refunds=refunds)
