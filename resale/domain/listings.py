"""Listings: adverts of one item. Statuses, the table of transitions, and errors."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.amount_rules import AmountRules
from resale.domain.customs import CountryCode, HSCode
from resale.domain.ids import PURCHASE_ID, CustomerId, ListingId, MediaId, OrderId, PurchaseId
from resale.domain.media import MAX_IMAGES, Rendition, Slot, pending_folder, public_folder, public_key, retired_key
from resale.domain.money import MAX_AMOUNT_MINOR, Currency, Money, format_amount
from resale.domain.parcel_sizes import Parcel
from resale.domain.policies import Policies
from resale.domain.states import Machine, Row, guard
from resale.domain.text import code, line, paragraphs, reference
from resale.domain.versions import next_version
from resale.errors import Conflict, FieldError, Invalid, NotFound, Rejected

SCHEMA: Final = 1
MAX_INTEGER: Final = 2**53 - 1  # the largest integer every JSON reader keeps exact (RFC 8259 §6)
MAX_REASONS: Final = 10
MAX_EDITED_VERSION: Final = 900  # room for what follows within the 1,000 versions that one verification reads

Title = Annotated[str, line(max_length=140)]
Description = Annotated[str, paragraphs(min_length=0, max_length=5_000)]
ProductReference = Annotated[str, reference(r"^[A-Za-z0-9._:/-]+\Z", min_length=1, max_length=120)]
FieldKey = Annotated[str, code(r"^[a-z][a-z0-9_]*\Z", min_length=1, max_length=40)]
FieldInteger = Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
FieldText = Annotated[str, paragraphs(min_length=0, max_length=500)]
CustomFields = Annotated[dict[FieldKey, FieldText | FieldInteger | bool], msgspec.Meta(max_length=50)]
PurchaseReference = Annotated[PurchaseId, reference(PURCHASE_ID.pattern)]
Reason = Annotated[str, paragraphs(max_length=500)]
Reasons = Annotated[tuple[Reason, ...], msgspec.Meta(max_length=MAX_REASONS)]


class ListingStatus(StrEnum):
    """The status of a listing."""

    DRAFT = "draft"
    PENDING_REVIEW = "pending_review"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    ACTIVE = "active"
    PAUSED = "paused"
    RESERVED = "reserved"
    SOLD = "sold"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REMOVED = "removed"


class ListingCommand(StrEnum):
    """A command on a listing."""

    EDIT = "edit"
    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_CHANGES = "request_changes"
    PAUSE = "pause"
    RESUME = "resume"
    WITHDRAW = "withdraw"
    RESERVE = "reserve"
    RELEASE = "release"
    SELL = "sell"
    EXPIRE = "expire"
    REMOVE = "remove"


class Condition(StrEnum):
    """The condition of an item. Damaged items cannot be listed."""

    NEW_WITH_TAGS = "new_with_tags"
    NEW_WITHOUT_TAGS = "new_without_tags"
    EXCELLENT = "excellent"
    VERY_GOOD = "very_good"
    GOOD = "good"
    FAIR = "fair"
    REFURBISHED = "refurbished"


class ListingTransitionRefused(Rejected):
    """The status of the listing does not allow the command."""

    code = "listing_transition_refused"
    title = "Listing status does not allow this"
    default_detail = "The status of the listing does not allow this. Read the listing again."


@guard("its listing period has ended")
def _is_over(listing: "Listing", now: datetime) -> bool:
    return listing.expires_at is not UNSET and now >= listing.expires_at


_S = ListingStatus
_C = ListingCommand

#: What is not here is refused; nothing else decides a listing's state.
LISTINGS: Final = Machine(
    "listing",
    (
        Row(_S.DRAFT, _C.EDIT, _S.DRAFT),
        Row(_S.DRAFT, _C.SUBMIT, _S.PENDING_REVIEW),
        Row(_S.DRAFT, _C.WITHDRAW, _S.WITHDRAWN),
        Row(_S.PENDING_REVIEW, _C.EDIT, _S.PENDING_REVIEW),
        Row(_S.PENDING_REVIEW, _C.APPROVE, _S.ACTIVE),
        Row(_S.PENDING_REVIEW, _C.REJECT, _S.REJECTED),
        Row(_S.PENDING_REVIEW, _C.REQUEST_CHANGES, _S.CHANGES_REQUESTED),
        Row(_S.PENDING_REVIEW, _C.WITHDRAW, _S.WITHDRAWN),
        Row(_S.CHANGES_REQUESTED, _C.EDIT, _S.CHANGES_REQUESTED),
        Row(_S.CHANGES_REQUESTED, _C.SUBMIT, _S.PENDING_REVIEW),
        Row(_S.CHANGES_REQUESTED, _C.WITHDRAW, _S.WITHDRAWN),
        Row(_S.ACTIVE, _C.EDIT, _S.PENDING_REVIEW),
        Row(_S.ACTIVE, _C.WITHDRAW, _S.WITHDRAWN),
        Row(_S.ACTIVE, _C.PAUSE, _S.PAUSED),
        Row(_S.PAUSED, _C.RESUME, _S.ACTIVE),
        Row(_S.PAUSED, _C.EDIT, _S.PENDING_REVIEW),
        Row(_S.PAUSED, _C.WITHDRAW, _S.WITHDRAWN),
        Row(_S.ACTIVE, _C.RESERVE, _S.RESERVED),
        Row(_S.RESERVED, _C.RELEASE, _S.ACTIVE),
        Row(_S.RESERVED, _C.SELL, _S.SOLD),
        Row(_S.ACTIVE, _C.EXPIRE, _S.EXPIRED, _is_over),
        Row(_S.PAUSED, _C.EXPIRE, _S.EXPIRED, _is_over),
        Row(_S.PENDING_REVIEW, _C.REMOVE, _S.REMOVED),
        Row(_S.ACTIVE, _C.REMOVE, _S.REMOVED),
        Row(_S.PAUSED, _C.REMOVE, _S.REMOVED),
        Row(_S.EXPIRED, _C.EDIT, _S.EXPIRED),
        Row(_S.EXPIRED, _C.SUBMIT, _S.PENDING_REVIEW),
        Row(_S.EXPIRED, _C.WITHDRAW, _S.WITHDRAWN),
    ),
    refused=ListingTransitionRefused,
    initial=_S.DRAFT,
    cannot={
        _C.EDIT: "be edited",
        _C.SUBMIT: "be submitted",
        _C.APPROVE: "be approved",
        _C.REJECT: "be rejected",
        _C.REQUEST_CHANGES: "be sent back for changes",
        _C.PAUSE: "be paused",
        _C.RESUME: "be resumed",
        _C.WITHDRAW: "be withdrawn",
        _C.RESERVE: "be reserved",
        _C.RELEASE: "be released",
        _C.SELL: "be sold",
        _C.EXPIRE: "expire",
        _C.REMOVE: "be removed",
    },
)

#: States of a listing that is over, its item unsold: the unit of a purchase that it claimed is free again.
ENDED_UNSOLD: Final = frozenset({_S.REJECTED, _S.WITHDRAWN, _S.EXPIRED, _S.REMOVED})
#: States that a listing never leaves and in which nobody may see its photos: they stop being public.
TAKEN_DOWN: Final = frozenset({_S.REJECTED, _S.WITHDRAWN, _S.REMOVED})
#: States in which the set of images may still change; later they are frozen into ``photos``.
IMAGES_OPEN: Final = frozenset({_S.DRAFT, _S.CHANGES_REQUESTED, _S.EXPIRED})
#: States of what was on sale once, or might have been, that staff look through.
OFF_SALE: Final = frozenset({_S.PAUSED, _S.EXPIRED, _S.REMOVED})
#: States that time ends. One that an order holds is not among them: its order decides, and time after it.
RUNS_OUT: Final = frozenset({_S.ACTIVE, _S.PAUSED})


class ListingNotFound(NotFound):
    """The listing does not exist, or the caller has no permission to see it."""

    code = "listing_not_found"
    title = "Listing not found"
    default_detail = "No listing with this id exists, or this caller cannot see it."


class ListingNotForSale(Rejected):
    """The listing is reserved, sold or not active. Raised only from a status that was read."""

    code = "listing_not_for_sale"
    title = "Listing not for sale"
    default_detail = "The listing is reserved, sold or not active. Choose another one."


class NotRelistable(Rejected):
    """The listing cannot be listed again: its order was not refunded, or the item was not returned."""

    code = "listing_not_relistable"
    title = "Listing cannot be listed again"
    default_detail = "An item can be listed again only after its order was refunded and the item was returned."


class ImagesFrozen(Rejected):
    """The status of the listing does not allow new images."""

    code = "listing_images_frozen"
    title = "Listing images frozen"
    default_detail = "Images of a submitted listing cannot be changed. Withdraw the listing or wait for the review."


class ImagesPending(Rejected):
    """An image has not been uploaded or processed yet, or no image is ready."""

    code = "listing_images_pending"
    title = "Listing images pending"
    default_detail = (
        "Some images are not uploaded or processed yet, or no image is ready. Retry when all of them are ready."
    )


class EditedTooOften(Rejected):
    """The listing has the maximum number of versions."""

    code = "listing_edited_too_often"
    title = "Listing changed too often"
    default_detail = "The listing has the maximum number of versions. Create a new listing for the item."


class PriceRefused(Invalid):
    """The shop does not accept the currency or the amount of the price."""

    code = "price_refused"
    title = "Price refused"
    default_detail = "This shop does not accept this price. Check its currency and its limits."


class ListingChanged(Conflict):
    """Another writer changed the listing first."""

    code = "listing_changed"
    title = "Listing changed"
    default_detail = "Another request changed the listing meanwhile. Read it again, then retry."


class PriceInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price as the client sends it."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT_MINOR)]
    currency: Currency


class SlotInput(Slot, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of a new image slot."""


class NewListing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of a new listing. ``purchase_id`` is the seller's past purchase of the item."""

    title: Title
    description: Description = ""
    product: ProductReference
    condition: Condition
    price: PriceInput
    custom_fields: CustomFields = {}
    images: Annotated[tuple[SlotInput, ...], msgspec.Meta(min_length=1, max_length=MAX_IMAGES)]
    purchase_id: PurchaseReference | UnsetType = UNSET
    parcel: Parcel | UnsetType = UNSET
    ships_from: CountryCode | UnsetType = UNSET
    hs_code: HSCode | UnsetType = UNSET
    origin_country: CountryCode | UnsetType = UNSET


class ListingEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An update of a listing. Fields that are absent do not change; ``images`` adds slots."""

    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    product: ProductReference | UnsetType = UNSET
    condition: Condition | UnsetType = UNSET
    price: PriceInput | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET
    images: Annotated[tuple[SlotInput, ...], msgspec.Meta(min_length=1, max_length=MAX_IMAGES)] | UnsetType = UNSET
    parcel: Parcel | UnsetType = UNSET
    ships_from: CountryCode | UnsetType = UNSET
    hs_code: HSCode | UnsetType = UNSET
    origin_country: CountryCode | UnsetType = UNSET


class Photo(msgspec.Struct, frozen=True, kw_only=True):
    """A ready image in a submitted listing."""

    id: MediaId
    original_sha256: str
    perceptual_hash: str
    renditions: tuple[Rendition, ...]


def approve_photo(photo: Photo) -> Photo:
    """Return a photo whose renditions have their public keys; ``listings.publish_photos`` moves the objects there."""
    renditions = tuple(msgspec.structs.replace(one, key=public_key(one.key)) for one in photo.renditions)
    return msgspec.structs.replace(photo, renditions=renditions)


class ListingPrivate(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed part of a listing: the moderator's reasons, encrypted under the seller's key."""

    reasons: tuple[str, ...] = ()


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A listing as stored: everything but ``private`` is its ``doc``.

    ``expires_at`` is when its time on sale ends; one that was published before there was such a time has none.
    """

    id: ListingId
    object: str = "listing"
    schema: int = SCHEMA
    version: int = 0
    livemode: bool
    status: ListingStatus = ListingStatus.DRAFT
    seller_id: CustomerId
    title: str
    description: str
    product: str
    condition: Condition
    price: Money
    market: str
    custom_fields: dict[str, str | int | bool] = {}
    image_ids: tuple[MediaId, ...] = ()
    photos: tuple[Photo, ...] = ()
    order_id: OrderId | None = None
    relisted_from: ListingId | UnsetType = UNSET
    purchase_id: PurchaseId | UnsetType = UNSET
    parcel: Parcel | UnsetType = UNSET
    ships_from: str | UnsetType = UNSET
    hs_code: str | UnsetType = UNSET
    origin_country: str | UnsetType = UNSET
    submitted_at: datetime | None = None
    published_at: datetime | None = None
    expires_at: datetime | UnsetType = UNSET
    created_at: datetime
    updated_at: datetime
    due_at: datetime | UnsetType = UNSET
    private: str | UnsetType = UNSET


def check_chargeable(price: Money, rules: AmountRules) -> None:
    """Verify that the payment provider can charge a price. Raises PriceRefused with what it can charge."""
    fault = rules.find_charge_fault(price.amount)
    if fault is not None:
        fault_code, detail = fault
        raise PriceRefused(detail, errors=(FieldError(pointer="/price/amount", code=fault_code, detail=detail),))


def check_price(price: Money, policies: Policies, rules: AmountRules) -> None:
    """Verify a price against the shop's limits and the payment provider's. Both may have changed since it was set.

    Raises:
        PriceRefused: It is outside of them, or no multiple of what can be charged.
    """
    check_chargeable(price, rules)
    if price.amount < policies.min_price_minor:
        raise PriceRefused(
            f"This shop accepts no price below {format_amount(policies.min_price_minor, price.currency)}."
        )
    if 0 < policies.max_price_minor < price.amount:
        raise PriceRefused(
            f"This shop accepts no price above {format_amount(policies.max_price_minor, price.currency)}."
        )


def next_status(status: ListingStatus, command: ListingCommand) -> ListingStatus:
    """Return the status that a command leads to. Raises ListingTransitionRefused."""
    return LISTINGS.next_status(status, command)


def transition_listing(listing: Listing, command: ListingCommand, *, now: datetime) -> Listing:
    """Return the next version of a listing with changed fields, in the status that the command leads to.

    Nothing else changes the state of a listing. It decides when the listing is due, too.

    Raises:
        ListingTransitionRefused: The table has no such row, or none whose guard holds.
    """
    status = LISTINGS.next_status(listing.status, command, entity=listing, now=now)
    changed = next_version(msgspec.structs.replace(listing, status=status), now=now)
    return msgspec.structs.replace(changed, due_at=wakes_at(changed))


def wakes_at(listing: Listing) -> datetime | UnsetType:
    """Return the wake-up of a listing; none while an order has reserved it."""
    return listing.expires_at if listing.status in RUNS_OUT else UNSET


def find_unpublished(listing: Listing, pending: Iterable[str]) -> tuple[str, ...]:
    """Find which pending renditions of a listing are to be public: an approved photo's, unless it is taken down."""
    if listing.status in TAKEN_DOWN:
        return ()
    approved = {rendition.key for photo in listing.photos for rendition in photo.renditions}
    return tuple(key for key in pending if public_key(key) in approved)


def object_key(key: str, *, listing_id: ListingId, status: ListingStatus) -> str:
    """Return the key under which a rendition of a listing is stored now.

    It is the rendition's own key, until the listing is taken down: then ``listings.retire_photos`` moves what lies in
    the listing's own folders. What lies elsewhere is shown by another listing, too.
    """
    if status not in TAKEN_DOWN:
        return key
    is_own = key.startswith((pending_folder(listing_id), public_folder(listing_id)))
    return retired_key(key) if is_own else key
