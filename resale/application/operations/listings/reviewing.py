"""Submitting, withdrawing and moderating a listing."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET

from resale.application.operations.access import authorize, check_version, require_version
from resale.application.operations.purchases import move_unit
from resale.application.ports import UnitOfWork
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.ids import ListingId
from resale.domain.listings import (
    MAX_INTEGER,
    ImagesPending,
    Listing,
    ListingCommand,
    ListingPrivate,
    ListingStatus,
    Photo,
    Reasons,
    approve_photo,
    check_price,
    next_status,
    transition_listing,
)
from resale.domain.media import (
    MAX_IMAGES,
    Media,
    MediaStatus,
    TooManyImages,
)
from resale.domain.shipping_data import check_listed_parcel
from resale.errors import FieldError, Invalid


class Decision(StrEnum):
    """The decision of a moderator. `remove` is for a listing that was on sale, or that must not be submitted again."""

    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_CHANGES = "request_changes"
    REMOVE = "remove"


class Moderation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A moderator's decision. The seller receives ``reasons``; ``version`` is the version that was reviewed."""

    decision: Decision
    reasons: Reasons = ()
    version: Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)] | None = None


_CHANGES: Final = {
    Decision.APPROVE: ChangeType.LISTING_APPROVED,
    Decision.REJECT: ChangeType.LISTING_REJECTED,
    Decision.REQUEST_CHANGES: ChangeType.LISTING_CHANGES_REQUESTED,
    Decision.REMOVE: ChangeType.LISTING_REMOVED,
}


def submit_listing(uow: UnitOfWork, *, listing_id: ListingId) -> Listing:
    """Submit a listing for review with its ready images; refused and unused ones are left out.

    Photos that were approved before stay public; new ones are not until they are approved.

    Shape: reads 1 listing and its images; commits 1 (``listing.submitted``), and for one that had expired the purchase
    it names, a unit of it claimed again (``purchase.claimed``). Idempotent: repeating it is a no-op.

    Args:
        uow: Fresh; committed here once.
        listing_id: Which.

    Returns:
        The listing, waiting for review.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not the seller.
        PriceRefused: Outside the shop's bounds.
        ParcelRefused: Heavier or larger than the shop's carriers take.
        ImagesPending: An image is still awaited or processed, or none is ready.
        PurchaseNotFound: It had expired, and its purchase is another's by now.
        PurchaseExhausted: It had expired, and its unit was listed meanwhile.
        PurchaseChangedTooOften: It had expired, and the purchase has as many versions as one may have that is claimed.
        ListingTransitionRefused: Not a draft, not expired, and no changes were requested.
        Conflict: Another writer won, or the version is not the expected one.
    """
    listing = uow.listings.get(listing_id)
    authorize(uow, entity=listing, action=Action.SUBMIT_LISTING)
    if listing.status == ListingStatus.PENDING_REVIEW:
        return listing
    require_version(uow, entity=listing)
    next_status(listing.status, ListingCommand.SUBMIT)
    check_price(listing.price, uow.tenant.policies, uow.tenant.amount_rules(listing.price.currency))
    check_listed_parcel(listing, uow.tenant.policies)
    images = uow.media.list_of(listing_id)
    keeps_photos = bool(listing.photos) and not images  # a relisted item's are its first listing's
    photos = listing.photos if keeps_photos else _photos_of(listing, images)
    submitted = transition_listing(
        msgspec.structs.replace(listing, photos=photos, submitted_at=uow.now, expires_at=UNSET),
        ListingCommand.SUBMIT,
        now=uow.now,
    )
    uow.listings.save(submitted, change_type=ChangeType.LISTING_SUBMITTED)
    move_unit(uow, before=listing, after=submitted)
    uow.commit()
    return submitted


def withdraw_listing(uow: UnitOfWork, *, listing_id: ListingId) -> Listing:
    """Withdraw a listing permanently.

    Shape: reads 1-2 items; commits 1 (``listing.withdrawn``), and the purchase it claimed a unit of
    (``purchase.released``). Idempotent: repeating it is a no-op.

    Args:
        uow: Fresh; committed here once.
        listing_id: Which.

    Returns:
        The listing, withdrawn.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not theirs.
        ListingTransitionRefused: Reserved or sold.
        Conflict: Another writer won, or the version is not the expected one.
    """
    listing = uow.listings.get(listing_id)
    authorize(uow, entity=listing, action=Action.WITHDRAW_LISTING)
    if listing.status == ListingStatus.WITHDRAWN:
        return listing
    require_version(uow, entity=listing)
    withdrawn = transition_listing(listing, ListingCommand.WITHDRAW, now=uow.now)
    uow.listings.save(withdrawn, change_type=ChangeType.LISTING_WITHDRAWN)
    move_unit(uow, before=listing, after=withdrawn)
    uow.commit()
    return withdrawn


def moderate_listing(uow: UnitOfWork, *, listing_id: ListingId, moderation: Moderation) -> Listing:
    """Approve, reject or remove a listing, or request changes.

    An approval makes the photos public, as their renditions' keys say from then on.

    Shape: reads 1-2 items; commits 1 (``listing.approved``, ``listing.rejected``, ``listing.changes_requested``,
    ``listing.removed``); a rejected or removed one also the purchase it claimed a unit of (``purchase.released``). The
    same decision for the same reasons again: no-op.

    Args:
        uow: Fresh; committed here once.
        listing_id: Which.
        moderation: The decision; its reasons are sealed under the seller's key.

    Returns:
        The listing as decided.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: The caller may look but not decide.
        ListingTransitionRefused: It is not waiting for review; removing: an order holds it, or it is off sale anyway.
        PriceRefused: Approved at a price outside the shop's bounds, as they are now.
        Invalid: Removed without a reason.
        ListingChanged: Another writer won, or the seller edited it after ``moderation.version``.
    """
    listing = uow.listings.get(listing_id)
    authorize(uow, entity=listing, action=Action.MODERATE_LISTING)
    command = ListingCommand(moderation.decision.value)
    if listing.status == next_status(ListingStatus.PENDING_REVIEW, command) and moderation.reasons == _reasons_of(
        uow, listing
    ):
        return listing
    next_status(listing.status, command)
    if moderation.decision == Decision.REMOVE and not moderation.reasons:
        detail = "Give the seller a reason."
        raise Invalid(detail, errors=(FieldError(pointer="/reasons", code="required", detail=detail),))
    check_version(entity=listing, version=moderation.version)
    if moderation.decision == Decision.APPROVE:
        check_price(listing.price, uow.tenant.policies, uow.tenant.amount_rules(listing.price.currency))
        check_listed_parcel(listing, uow.tenant.policies)
    private = uow.vault.seal(
        ListingPrivate(reasons=moderation.reasons), owner_id=listing.seller_id, entity_id=listing.id
    )
    decided = msgspec.structs.replace(listing, private=private if moderation.reasons else UNSET)
    if command == ListingCommand.APPROVE:
        decided = _publish(uow, decided)
    decided = transition_listing(decided, command, now=uow.now)
    uow.listings.save(decided, change_type=_CHANGES[moderation.decision])
    move_unit(uow, before=listing, after=decided)
    uow.commit()
    return decided


def _publish(uow: UnitOfWork, listing: Listing) -> Listing:
    """Publish the photos and start the listing's period on sale; an approval after an edit restarts it."""
    expires_at = uow.now + timedelta(days=uow.tenant.policies.listing_days)
    photos = tuple(approve_photo(photo) for photo in listing.photos)
    return msgspec.structs.replace(listing, photos=photos, published_at=uow.now, expires_at=expires_at)


def _photos_of(listing: Listing, images: tuple[Media, ...]) -> tuple[Photo, ...]:
    if any(image.status == MediaStatus.AWAITING_UPLOAD for image in images):
        raise ImagesPending("An image is not uploaded or processed yet. Retry when all images are ready.")
    ready = [image for image in images if image.status == MediaStatus.READY and image.id in listing.image_ids]
    if not ready:
        raise ImagesPending("No image is ready. A listing needs at least one.")
    if len(ready) > MAX_IMAGES:
        raise TooManyImages(f"A listing has at most {MAX_IMAGES} images. Remove some.")
    frozen = {photo.id: photo for photo in listing.photos}  # which says of what was approved that it is public
    return tuple(frozen.get(image.id) or _photo_of(image) for image in ready)


def _photo_of(image: Media) -> Photo:
    return Photo(
        id=image.id,
        original_sha256=image.original_sha256 or "",
        perceptual_hash=image.perceptual_hash or "",
        renditions=image.renditions,
    )


def _reasons_of(uow: UnitOfWork, listing: Listing) -> tuple[str, ...]:
    if listing.private is UNSET:
        return ()
    return uow.vault.open(listing.private, ListingPrivate, owner_id=listing.seller_id, entity_id=listing.id).reasons
