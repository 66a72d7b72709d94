"""Past purchases: the proof that a shopper bought units of a product, and how many of them listings use.

A unit is claimed by the listing that sells it and stays claimed when that is sold; it can be listed again when the
listing ended unsold.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

from resale.domain.ids import PURCHASE_ID, CustomerId, PurchaseId, TenantId
from resale.domain.listings import ProductReference, Title
from resale.domain.money import MAX_AMOUNT_MINOR, Currency, Money
from resale.domain.text import FOREIGN, reference
from resale.domain.versions import next_version
from resale.errors import Conflict, FieldError, Invalid, NotFound, Rejected

SCHEMA: Final = 1
RECORDED: Final = "recorded"  # the one state there is
MAX_QUANTITY: Final = 100
#: Room for the release of every unit within the 1,000 versions that one verification reads.
MAX_CLAIMED_VERSION: Final = 1_000 - MAX_QUANTITY
CLOCKS_APART: Final = timedelta(minutes=5)  # between a shop's clock and ours
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)

Source = Annotated[
    str,
    reference(
        r"^[a-z][a-z0-9_-]*\Z",
        min_length=1,
        max_length=40,
        description="The brand's name of the system that sold it, such as `web`.",
    ),
]
Line = Annotated[
    str,
    reference(
        r"^(?!history\Z)[A-Za-z0-9][A-Za-z0-9._:~-]*\Z",  # histories have that path
        min_length=1,
        max_length=120,
        description="Order number and line in that system, such as `1001-1`. Never a name or an address.",
    ),
]
Subject = Annotated[str, reference(FOREIGN, min_length=1, max_length=255)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)]


class PurchaseNotFound(NotFound):
    """The purchase does not exist, or the caller has no permission to see it or to list from it."""

    code = "purchase_not_found"
    title = "Purchase not found"
    default_detail = "No purchase with this id exists, or this caller cannot see it or list from it."


class PurchaseExhausted(Rejected):
    """Every unit of the purchase is listed or sold."""

    code = "purchase_exhausted"
    title = "Purchase exhausted"
    default_detail = "Every unit of this purchase is already listed or sold."


class PurchaseClaimed(Rejected):
    """The change would take units away that are listed or sold."""

    code = "purchase_claimed"
    title = "Purchase units in use"
    default_detail = "Units of this purchase are listed or sold. Its quantity cannot be lower, nor its customer change."


class PurchaseChangedTooOften(Rejected):
    """The purchase has the maximum number of versions."""

    code = "purchase_changed_too_often"
    title = "Purchase changed too often"
    default_detail = "The purchase has the maximum number of versions and cannot be changed again."


class PurchaseRequired(Invalid):
    """The tenant accepts only listings that name a past purchase."""

    code = "purchase_required"
    title = "Purchase required"
    default_detail = (
        "This shop accepts only items that were bought from it. Send the `purchase_id` of the past purchase."
    )


class PurchaseChanged(Conflict):
    """Another writer changed the purchase first."""

    code = "purchase_changed"
    title = "Purchase changed"
    default_detail = "Another request changed the purchase meanwhile. Read it again, then retry."


class PurchaseCustomer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer of a purchase. `subject` is the `sub` of the shopper's tokens. It is not stored."""

    subject: Subject


class PaidPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price paid for one unit, in any currency; zero for a gift."""

    amount: Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT_MINOR)]
    currency: Currency


class NewPurchase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The complete data of a purchase."""

    customer: PurchaseCustomer
    product: ProductReference
    title: Title
    quantity: Quantity
    purchased_at: Annotated[datetime, msgspec.Meta(tz=True)]
    unit_price_paid: PaidPrice | None = None


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase as stored. ``claimed_quantity`` is guarded by its version: no unit is used twice."""

    id: PurchaseId
    object: str = "purchase"
    schema: int = SCHEMA
    version: int = 0
    status: str = RECORDED
    livemode: bool
    source: str
    line: str
    customer_id: CustomerId
    product: str
    title: str
    quantity: int
    claimed_quantity: int = 0
    unit_price_paid: Money | None = None
    purchased_at: datetime
    created_at: datetime
    updated_at: datetime

    @property
    def claimable_quantity(self) -> int:
        """The number of units that can still be listed."""
        return self.quantity - self.claimed_quantity


def purchase_id_of(*, tenant_id: TenantId, source: str, line: str) -> PurchaseId:
    """Derive the id of a purchase from source and line; unique for each tenant."""
    parts = (tenant_id.encode(), source.encode(), line.encode())
    digest = hashlib.sha256(b"".join(b"%d:%s" % (len(part), part) for part in parts))
    return PURCHASE_ID.of(digest.hexdigest()[:32])


def update_purchase(known: Purchase, *, new: Purchase, now: datetime) -> Purchase:
    """Return a purchase with the brand's new data, or unchanged if nothing differs.

    Raises:
        PurchaseClaimed: More units are claimed than it would have, or a claimed one would change hands.
        PurchaseChangedTooOften: It has as many versions as a changed one may have.
    """
    changed = msgspec.structs.replace(
        new,
        version=known.version,
        claimed_quantity=known.claimed_quantity,
        created_at=known.created_at,
        updated_at=known.updated_at,
    )
    if changed == known:
        return known
    if changed.claimable_quantity < 0:
        raise PurchaseClaimed(
            f"{known.claimed_quantity} units of this purchase are listed or sold. Send at least that quantity."
        )
    if known.claimed_quantity and changed.customer_id != known.customer_id:
        raise PurchaseClaimed(
            "Units of this purchase are listed or sold by its customer, so its customer cannot change."
        )
    return _next(changed, now=now)


def claim_purchase_unit(purchase: Purchase, *, now: datetime) -> Purchase:
    """Return a purchase with one more unit in use.

    Raises:
        PurchaseExhausted: None is left.
        PurchaseChangedTooOften: It was listed and taken off so often that its history is full.
    """
    if purchase.claimable_quantity < 1:
        raise PurchaseExhausted(f"All {purchase.quantity} units of this purchase are listed or sold.")
    return _next(msgspec.structs.replace(purchase, claimed_quantity=purchase.claimed_quantity + 1), now=now)


def release_purchase_unit(purchase: Purchase, *, now: datetime) -> Purchase:
    """Return a purchase with one unit released."""
    if purchase.claimed_quantity < 1:
        raise ValueError("no unit of this purchase is claimed")
    return next_version(msgspec.structs.replace(purchase, claimed_quantity=purchase.claimed_quantity - 1), now=now)


def moment_of(purchased_at: datetime, *, now: datetime) -> datetime:
    """Return the time of a purchase in UTC. Raises Invalid.

    Raises:
        Invalid: Before 1970 or to come.
    """
    if not EARLIEST <= purchased_at <= now + CLOCKS_APART:
        wrong = FieldError(
            pointer="/purchased_at",
            code="out_of_range",
            detail="The time of the purchase must be in the past, and not before 1970.",
        )
        raise Invalid("The body is not valid.", errors=(wrong,))
    return purchased_at.astimezone(UTC)


def _next(purchase: Purchase, *, now: datetime) -> Purchase:
    if purchase.version >= MAX_CLAIMED_VERSION:
        raise PurchaseChangedTooOften("This purchase has the maximum number of versions and cannot be changed again.")
    return next_version(purchase, now=now)
