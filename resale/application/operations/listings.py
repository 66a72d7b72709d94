"""What can be done to a listing: create, edit, submit, withdraw, moderate."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.operations.customers import Shopper, enrol_shopper
from resale.application.operations.idempotency import CommandKey, record_command
from resale.application.ports import UnitOfWork
from resale.domain.access import Action, Principal, permits, role_towards
from resale.domain.ids import CustomerId, ListingId, MediaId
from resale.domain.listings import (
    IMAGES_OPEN,
    ImagesFrozen,
    ImagesPending,
    Listing,
    ListingChanged,
    ListingCommand,
    ListingEdit,
    ListingNotFound,
    ListingPrivate,
    ListingStatus,
    NewListing,
    Photo,
    PriceInput,
    PriceRefused,
    Reasons,
    SlotInput,
    next_status,
)
from resale.domain.media import (
    MAX_IMAGES,
    MAX_STORED_IMAGES,
    Media,
    MediaStatus,
    Slot,
    TooManyImages,
)
from resale.domain.money import Money
from resale.errors import FieldError, Forbidden

UPLOAD_WINDOW: Final = timedelta(hours=1)  # a slot not used by then expires; forms are shorter and can be signed again
UPLOAD_CHECK_AFTER: Final = timedelta(seconds=60)  # an upload whose event was lost is looked for by then


class Decision(StrEnum):
    """What a moderator decides."""

    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_CHANGES = "request_changes"


class Moderation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A moderator's decision. ``reasons`` go to the seller; ``version`` is the one that was looked at."""

    decision: Decision
    reasons: Reasons = ()
    version: int | None = None


_CHANGES: Final = {
    Decision.APPROVE: "listing.approved",
    Decision.REJECT: "listing.rejected",
    Decision.REQUEST_CHANGES: "listing.changes_requested",
}


def create_listing(
    *,
    uow: UnitOfWork,
    shopper: Shopper,
    new: NewListing,
    key: CommandKey | None,
    now: datetime,
) -> tuple[Listing, tuple[Media, ...]]:
    """List an item: a draft with a slot for each image to come.

    Shape: reads at most 1 item; commits 1 listing and 1-12 images (``listing.created``, ``image.requested``),
    with the shopper's customer on their first write and the command's record when it is keyed.

    Args:
        uow: Fresh; committed here once.
        shopper: The seller.
        new: Validated by its own types.
        key: The command's key, if the client gave one.
        now: Moment of the request, aware UTC.

    Returns:
        The draft and its slots, each awaiting its upload.

    Raises:
        PriceRefused: Not in the tenant's currency.
        IdempotencyConflict: The key was used before.
        Conflict: Somebody else made this shopper meanwhile; try again.
    """
    seller_id = enrol_shopper(uow=uow, shopper=shopper, now=now)
    listing_id = ListingId(uow.ids("lst"))
    price = _priced(uow=uow, price=new.price)
    slots = tuple(
        _new_slot(uow=uow, listing_id=listing_id, seller_id=seller_id, slot=slot, now=now) for slot in new.images
    )
    listing = Listing(
        id=listing_id,
        version=1,
        livemode=not uow.tenant.sandbox,
        seller_id=seller_id,
        title=new.title,
        description=new.description,
        product=new.product,
        condition=new.condition,
        price=price,
        market=uow.tenant.market,
        custom_fields=new.custom_fields,
        image_ids=tuple(slot.id for slot in slots),
        created_at=now,
        updated_at=now,
    )
    record_command(uow=uow, key=key, entity_id=listing_id, now=now)
    uow.listings.add(listing, change_type="listing.created")
    for slot in slots:
        uow.media.add(slot, change_type="image.requested")
    uow.commit()
    return listing, slots


def edit_listing(
    *,
    uow: UnitOfWork,
    principal: Principal,
    listing_id: ListingId,
    edit: ListingEdit,
    expected_version: int | None,
    now: datetime,
) -> tuple[Listing, tuple[Media, ...]]:
    """Change a listing; an active one goes back to review.

    Shape: reads 1 item; commits 1 listing (``listing.edited``) and the image slots added.

    Args:
        uow: Fresh; committed here once.
        principal: Must be the seller.
        listing_id: Which.
        edit: What to change; absent stays.
        expected_version: What the client read (If-Match), or None.
        now: Moment of the request, aware UTC.

    Returns:
        The listing and the slots added.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not the seller.
        ListingTransitionRefused: Reserved, sold, rejected or withdrawn.
        ImagesFrozen: Images were added to a submitted listing.
        TooManyImages: No room for more.
        PriceRefused: Not in the tenant's currency.
        Conflict: Another writer won, or the version is not the expected one.
    """
    listing = _acted_on(uow=uow, principal=principal, listing_id=listing_id, action=Action.EDIT_LISTING)
    _expect(listing, expected_version)
    status = next_status(listing.status, ListingCommand.EDIT)
    slots = _added_slots(uow=uow, listing=listing, edit=edit, now=now)
    listing = msgspec.structs.replace(
        listing,
        **_edited_fields(uow=uow, edit=edit),
        status=status,
        version=listing.version + 1,
        image_ids=(*listing.image_ids, *(slot.id for slot in slots)),
        submitted_at=now if status == ListingStatus.PENDING_REVIEW else listing.submitted_at,
        updated_at=now,
    )
    uow.listings.save(listing, change_type="listing.edited")
    for slot in slots:
        uow.media.add(slot, change_type="image.requested")
    uow.commit()
    return listing, slots


def submit_listing(
    *,
    uow: UnitOfWork,
    principal: Principal,
    listing_id: ListingId,
    expected_version: int | None = None,
    now: datetime,
) -> Listing:
    """Ask for review: the ready images are frozen into the listing, refused and unused ones are left out.

    Shape: reads 1 listing and its images; commits 1 (``listing.submitted``). Said again: no-op.

    Args:
        uow: Fresh; committed here once.
        principal: Must be the seller.
        listing_id: Which.
        expected_version: What the client read (If-Match), or None.
        now: Moment of the request, aware UTC.

    Returns:
        The listing, waiting for review.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not the seller.
        ImagesPending: An image is still awaited or processed, or none is ready.
        ListingTransitionRefused: Not a draft and no changes were requested.
        Conflict: Another writer won, or the version is not the expected one.
    """
    listing = _acted_on(uow=uow, principal=principal, listing_id=listing_id, action=Action.SUBMIT_LISTING)
    if listing.status == ListingStatus.PENDING_REVIEW:
        return listing
    _expect(listing, expected_version)
    status = next_status(listing.status, ListingCommand.SUBMIT)
    photos = _photos_of(listing, uow.media.list_of(listing_id))
    listing = msgspec.structs.replace(
        listing, status=status, version=listing.version + 1, photos=photos, submitted_at=now, updated_at=now
    )
    uow.listings.save(listing, change_type="listing.submitted")
    uow.commit()
    return listing


def withdraw_listing(
    *,
    uow: UnitOfWork,
    principal: Principal,
    listing_id: ListingId,
    expected_version: int | None = None,
    now: datetime,
) -> Listing:
    """Take a listing off, for good.

    Shape: reads 1 item; commits 1 (``listing.withdrawn``). Said again: no-op.

    Args:
        uow: Fresh; committed here once.
        principal: The seller, the brand or a manager.
        listing_id: Which.
        expected_version: What the client read (If-Match), or None.
        now: Moment of the request, aware UTC.

    Returns:
        The listing, withdrawn.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not theirs.
        ListingTransitionRefused: Reserved or sold.
        Conflict: Another writer won, or the version is not the expected one.
    """
    listing = _acted_on(uow=uow, principal=principal, listing_id=listing_id, action=Action.WITHDRAW_LISTING)
    if listing.status == ListingStatus.WITHDRAWN:
        return listing
    _expect(listing, expected_version)
    status = next_status(listing.status, ListingCommand.WITHDRAW)
    listing = msgspec.structs.replace(listing, status=status, version=listing.version + 1, updated_at=now)
    uow.listings.save(listing, change_type="listing.withdrawn")
    uow.commit()
    return listing


def moderate_listing(
    *, uow: UnitOfWork, principal: Principal, listing_id: ListingId, moderation: Moderation, now: datetime
) -> Listing:
    """Approve, reject, or ask for changes.

    Shape: reads 1 item; commits 1 (``listing.approved``, ``listing.rejected``, ``listing.changes_requested``).
    The same decision again: no-op.

    Args:
        uow: Fresh; committed here once.
        principal: The brand's key, a moderator or a manager.
        listing_id: Which.
        moderation: The decision; its reasons are sealed under the seller's key.
        now: Moment of the request, aware UTC.

    Returns:
        The listing as decided.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: The caller may look but not decide.
        ListingTransitionRefused: It is not waiting for review.
        ListingChanged: Another writer won, or the seller edited it after ``moderation.version``.
    """
    listing = _acted_on(uow=uow, principal=principal, listing_id=listing_id, action=Action.MODERATE_LISTING)
    command = ListingCommand(moderation.decision.value)
    if listing.status == next_status(ListingStatus.PENDING_REVIEW, command):
        return listing
    status = next_status(listing.status, command)
    _expect(listing, moderation.version)
    private = uow.vault.seal(
        ListingPrivate(reasons=moderation.reasons), owner_id=listing.seller_id, entity_id=listing.id
    )
    listing = msgspec.structs.replace(
        listing,
        status=status,
        version=listing.version + 1,
        published_at=now if status == ListingStatus.ACTIVE else listing.published_at,
        updated_at=now,
        private=private if moderation.reasons else UNSET,
    )
    uow.listings.save(listing, change_type=_CHANGES[moderation.decision])
    uow.commit()
    return listing


# ---------------------------------------------------------------- parts
def _acted_on(*, uow: UnitOfWork, principal: Principal, listing_id: ListingId, action: Action) -> Listing:
    listing = uow.listings.get(listing_id)
    role = role_towards(principal, owner_id=listing.seller_id)
    if not permits(Action.VIEW_LISTING, role, listing.status):
        raise ListingNotFound
    if not permits(action, role, listing.status):
        raise Forbidden("Only its seller or the brand may do this.")
    return listing


def _expect(listing: Listing, version: int | None) -> None:
    if version is not None and version != listing.version:
        raise ListingChanged(f"The listing is at version {listing.version} by now; read it again.")


def _priced(*, uow: UnitOfWork, price: PriceInput) -> Money:
    if price.currency != uow.tenant.currency:
        detail = f"This shop trades in {uow.tenant.currency}."
        raise PriceRefused(
            detail, errors=(FieldError(pointer="/price/currency", code="currency_not_supported", detail=detail),)
        )
    return Money(amount=price.amount, currency=price.currency)


def _new_slot(
    *,
    uow: UnitOfWork,
    listing_id: ListingId,
    seller_id: CustomerId,
    slot: SlotInput,
    now: datetime,
) -> Media:
    return Media(
        id=MediaId(uow.ids("med")),
        version=1,
        listing_id=listing_id,
        seller_id=seller_id,
        slot=Slot(content_type=slot.content_type, bytes=slot.bytes, sha256=slot.sha256),
        upload_expires_at=now + UPLOAD_WINDOW,
        created_at=now,
        updated_at=now,
        due_at=now + UPLOAD_CHECK_AFTER,
    )


def _added_slots(*, uow: UnitOfWork, listing: Listing, edit: ListingEdit, now: datetime) -> tuple[Media, ...]:
    if edit.images is UNSET:
        return ()
    if listing.status not in IMAGES_OPEN:
        raise ImagesFrozen("Images can be added to a draft, or after changes were requested.")
    if len(listing.image_ids) + len(edit.images) > MAX_STORED_IMAGES:
        raise TooManyImages(f"A listing keeps at most {MAX_STORED_IMAGES} image slots over its life.")
    return tuple(
        _new_slot(uow=uow, listing_id=listing.id, seller_id=listing.seller_id, slot=slot, now=now)
        for slot in edit.images
    )


def _edited_fields(*, uow: UnitOfWork, edit: ListingEdit) -> dict[str, object]:
    names = ("title", "description", "product", "condition", "custom_fields")
    fields = {name: getattr(edit, name) for name in names if getattr(edit, name) is not UNSET}
    if edit.price is not UNSET:
        fields["price"] = _priced(uow=uow, price=edit.price)
    return fields


def _photos_of(listing: Listing, images: tuple[Media, ...]) -> tuple[Photo, ...]:
    if any(image.status == MediaStatus.AWAITING_UPLOAD for image in images):
        raise ImagesPending("An image is still awaited or being processed.")
    ready = [image for image in images if image.status == MediaStatus.READY and image.id in listing.image_ids]
    if not ready:
        raise ImagesPending("No image is ready; a listing needs at least one.")
    if len(ready) > MAX_IMAGES:
        raise TooManyImages(f"A listing shows at most {MAX_IMAGES} images.")
    return tuple(
        Photo(
            id=image.id,
            original_sha256=image.original_sha256 or "",
            perceptual_hash=image.perceptual_hash or "",
            renditions=image.renditions,
        )
        for image in ready
    )
