"""An order: one buyer, one listing, money as parts that sum. Its states, transitions and next step."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.ids import CustomerId, ListingId, OrderId
from resale.domain.money import AmountMinor, Money
from resale.domain.payments import PaymentAttempt
from resale.errors import Conflict, Forbidden, NotFound, Rejected

SCHEMA: Final = 1
PAYMENT_HOLD: Final = timedelta(minutes=15)  # DOMAIN.md default timer: hold 15 min
STEP_DUE: Final = timedelta(seconds=30)  # a step not taken by then is asked for again by the sweep

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class OrderStatus(StrEnum):
    """Where an order is."""

    SUBMITTED = "submitted"
    PAYMENT_PENDING = "payment_pending"
    PAYMENT_FAILED = "payment_failed"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class OrderCommand(StrEnum):
    """What can happen to an order."""

    START_PAYMENT = "start_payment"
    CONFIRM = "confirm"
    FAIL_PAYMENT = "fail_payment"
    CANCEL = "cancel"


class OrderStep(StrEnum):
    """What the workflow does next by itself."""

    START_PAYMENT = "start_payment"
    SETTLE_PAYMENT = "settle_payment"
    CANCEL = "cancel"
    NOTHING = "nothing"


_S = OrderStatus
_C = OrderCommand

#: (from, on) → to. What is not here is refused.
TRANSITIONS: Final[Mapping[tuple[OrderStatus, OrderCommand], OrderStatus]] = {
    (_S.SUBMITTED, _C.START_PAYMENT): _S.PAYMENT_PENDING,
    (_S.SUBMITTED, _C.CANCEL): _S.CANCELLED,
    (_S.PAYMENT_PENDING, _C.CONFIRM): _S.CONFIRMED,
    (_S.PAYMENT_PENDING, _C.FAIL_PAYMENT): _S.PAYMENT_FAILED,
    (_S.PAYMENT_FAILED, _C.CANCEL): _S.CANCELLED,
}

_STEPS: Final[Mapping[OrderStatus, OrderStep]] = {
    _S.SUBMITTED: OrderStep.START_PAYMENT,
    _S.PAYMENT_PENDING: OrderStep.SETTLE_PAYMENT,
    _S.PAYMENT_FAILED: OrderStep.CANCEL,
}


class OrderNotFound(NotFound):
    """No such order that the caller may see."""

    code = "order_not_found"


class OrderTransitionRefused(Rejected):
    """The order's state does not allow this."""

    code = "order_transition_refused"


class OwnListing(Forbidden):
    """Nobody buys their own listing."""

    code = "own_listing"


class OrderChanged(Conflict):
    """Another writer changed the order meanwhile; read it again."""

    code = "order_changed"


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an order goes. Personal: it lies sealed in ``private`` and nowhere else."""

    name: Line
    line1: Line
    line2: Annotated[str, msgspec.Meta(max_length=120)] = ""
    city: Line
    region: Annotated[str, msgspec.Meta(max_length=120)] = ""
    postal_code: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    country: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")]
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{6,14}\Z")] | None = None


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a buyer says to buy a listing. ``payment_token`` is a provider's token, never a card."""

    listing_id: Annotated[ListingId, msgspec.Meta(pattern=r"^lst_[0-9a-f]{32}\Z")]
    shipping_address: Address
    payment_token: Annotated[str, msgspec.Meta(min_length=4, max_length=200, pattern=r"^tok_[A-Za-z0-9_]+\Z")]


class OrderPrivate(msgspec.Struct, frozen=True, kw_only=True):
    """What of an order nobody but its steps and parties may read, sealed under the buyer's key."""

    shipping_address: Address
    payment_token: str


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """Parts in minor units of one currency; they sum to ``grand_total``."""

    currency: str
    item_total: AmountMinor
    shipping_total: AmountMinor
    tax_total: AmountMinor
    grand_total: AmountMinor


class Commission(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's share, frozen at sale."""

    basis_points: int
    base: AmountMinor
    amount: AmountMinor
    rule_version: str


class ListingSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What was bought, as it was shown."""

    listing_id: ListingId
    version: int
    title: str
    product: str
    condition: str
    photo_sha256s: tuple[str, ...]


class Order(msgspec.Struct, frozen=True, kw_only=True):
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
    commission: Commission
    payment: PaymentAttempt | None = None
    cancel_requested: bool = False
    cancel_reason: str | None = None
    hold_expires_at: datetime
    confirmed_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    private: str | UnsetType = UNSET


def next_status(status: OrderStatus, command: OrderCommand) -> OrderStatus:
    """Decide a transition.

    Raises:
        OrderTransitionRefused: The table has no such row.
    """
    target = TRANSITIONS.get((status, command))
    if target is None:
        raise OrderTransitionRefused(f"An order that is {status} cannot take: {command}.")
    return target


def next_step(order: Order) -> OrderStep:
    """Say what the workflow has to do now; a submitted order whose buyer left is cancelled unpaid."""
    return _STEPS.get(order.status, OrderStep.NOTHING)


def price_order(price: Money) -> Amounts:
    """Sum up what a buyer pays. Shipping and tax are parts from the first order on; both are nought here."""
    return Amounts(
        currency=price.currency,
        item_total=price.amount,
        shipping_total=0,
        tax_total=0,
        grand_total=price.amount,
    )
