"""Creating and editing a listing."""

from datetime import timedelta
from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.operations.access import authorize, require_version
from resale.application.operations.customers import Shopper, enrol_shopper
from resale.application.operations.idempotency import record_command
from resale.application.operations.purchases import claim_unit
from resale.application.ports import UnitOfWork
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.customs import check_countries
from resale.domain.edits import apply_edit
from resale.domain.ids import LISTING_ID, MEDIA_ID, CustomerId, ListingId
from resale.domain.listings import (
    IMAGES_OPEN,
    MAX_EDITED_VERSION,
    EditedTooOften,
    ImagesFrozen,
    Listing,
    ListingCommand,
    ListingEdit,
    ListingStatus,
    NewListing,
    PriceInput,
    PriceRefused,
    SlotInput,
    check_chargeable,
    check_price,
    next_status,
    transition_listing,
)
from resale.domain.media import (
    MAX_STORED_IMAGES,
    Media,
    Slot,
    TooManyImages,
)
from resale.domain.money import Money
from resale.domain.shipping_data import check_listed_parcel
from resale.errors import FieldError

UPLOAD_WINDOW: Final = timedelta(hours=1)  # a slot not used by then expires; forms are shorter and can be signed again
UPLOAD_CHECK_AFTER: Final = timedelta(seconds=60)  # an upload whose event was lost is looked for by then


def create_listing(uow: UnitOfWork, *, shopper: Shopper, new: NewListing) -> tuple[Listing, tuple[Media, ...]]:
    """Create a listing: a draft with a slot for each image.

    Shape: reads at most 2 items; commits 1 listing and 1-12 images (``listing.created``, ``image.requested``), with
    the shopper's customer on their first write, the purchase it names, one more unit of it claimed
    (``purchase.claimed``), and the command's record when it is keyed.

    Args:
        uow: Fresh; committed here once.
        shopper: The seller.
        new: Validated by its own types.

    Returns:
        The draft and its slots, each awaiting its upload.

    Raises:
        PriceRefused: Not in the tenant's currency, or nothing that its payment provider can charge.
        Invalid: A country is none.
        PurchaseRequired: It names no purchase, and this shop takes no other.
        PurchaseNotFound: No such purchase, or not the seller's.
        PurchaseExhausted: Every unit of it is listed or sold.
        PurchaseChangedTooOften: The purchase has as many versions as one may have that is claimed.
        IdempotencyConflict: The key was used before.
        Conflict: Somebody else made this shopper or changed the purchase meanwhile; try again.
    """
    check_countries(ships_from=new.ships_from, origin_country=new.origin_country)
    seller_id = enrol_shopper(uow, shopper=shopper)
    listing_id = LISTING_ID.new(uow.ids)
    price = _check_money(uow, price=new.price)
    claim_unit(uow, purchase_id=new.purchase_id, customer_id=seller_id)
    slots = tuple(_new_slot(uow, listing_id=listing_id, seller_id=seller_id, slot=slot) for slot in new.images)
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
        purchase_id=new.purchase_id,
        parcel=new.parcel,
        ships_from=new.ships_from,
        hs_code=new.hs_code,
        origin_country=new.origin_country,
        created_at=uow.now,
        updated_at=uow.now,
    )
    record_command(uow, entity_id=listing_id)
    uow.listings.add(listing, change_type=ChangeType.LISTING_CREATED)
    for slot in slots:
        uow.media.add(slot, change_type=ChangeType.IMAGE_REQUESTED)
    uow.commit()
    return listing, slots


def edit_listing(uow: UnitOfWork, *, listing_id: ListingId, edit: ListingEdit) -> tuple[Listing, tuple[Media, ...]]:
    """Edit a listing; an active or paused one returns to review. Without changes, nothing is written.

    Shape: reads 1 item; commits 1 listing (``listing.edited``) and the image slots added.

    Args:
        uow: Fresh; committed here once.
        listing_id: Which.
        edit: What to change; absent stays.

    Returns:
        The listing and the slots added.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not the seller.
        ListingTransitionRefused: Reserved, sold, rejected or withdrawn.
        Invalid: A country is none.
        ImagesFrozen: Images were added to a submitted listing.
        TooManyImages: No room for more.
        PriceRefused: Not in the tenant's currency, nothing that its payment provider can charge, or it goes to review
            with a price outside the shop's bounds.
        ParcelRefused: It goes to review with a parcel outside the shop's bounds.
        EditedTooOften: The listing has as many versions as an edited one may have.
        Conflict: Another writer won, or the version is not the expected one.
    """
    listing = uow.listings.get(listing_id)
    authorize(uow, entity=listing, action=Action.EDIT_LISTING)
    require_version(uow, entity=listing)
    status = next_status(listing.status, ListingCommand.EDIT)
    slots = _add_slots(uow, listing=listing, edit=edit)
    edited = _apply(uow, listing, edit)
    if edited == listing and not slots:
        return listing, ()
    if listing.version >= MAX_EDITED_VERSION:
        raise EditedTooOften("This listing has the maximum number of versions. Create a new listing for the item.")
    goes_to_review = status == ListingStatus.PENDING_REVIEW
    if goes_to_review:
        check_price(edited.price, uow.tenant.policies, uow.tenant.amount_rules(edited.price.currency))
        check_listed_parcel(edited, uow.tenant.policies)
    listing = transition_listing(
        msgspec.structs.replace(
            edited,
            image_ids=(*listing.image_ids, *(slot.id for slot in slots)),
            submitted_at=uow.now if goes_to_review else listing.submitted_at,
            expires_at=UNSET if goes_to_review else listing.expires_at,
        ),
        ListingCommand.EDIT,
        now=uow.now,
    )
    uow.listings.save(listing, change_type=ChangeType.LISTING_EDITED)
    for slot in slots:
        uow.media.add(slot, change_type=ChangeType.IMAGE_REQUESTED)
    uow.commit()
    return listing, slots


def _check_money(uow: UnitOfWork, *, price: PriceInput) -> Money:
    if price.currency != uow.tenant.currency:
        detail = f"This shop accepts prices in {uow.tenant.currency} only."
        raise PriceRefused(
            detail, errors=(FieldError(pointer="/price/currency", code="currency_not_supported", detail=detail),)
        )
    money = Money(amount=price.amount, currency=price.currency)
    check_chargeable(money, uow.tenant.amount_rules(money.currency))
    return money


def _new_slot(uow: UnitOfWork, *, listing_id: ListingId, seller_id: CustomerId, slot: SlotInput) -> Media:
    return Media(
        id=MEDIA_ID.new(uow.ids),
        version=1,
        listing_id=listing_id,
        seller_id=seller_id,
        slot=Slot(content_type=slot.content_type, bytes=slot.bytes, sha256=slot.sha256),
        upload_expires_at=uow.now + UPLOAD_WINDOW,
        created_at=uow.now,
        updated_at=uow.now,
        due_at=uow.now + UPLOAD_CHECK_AFTER,
    )


def _add_slots(uow: UnitOfWork, *, listing: Listing, edit: ListingEdit) -> tuple[Media, ...]:
    if edit.images is UNSET:
        return ()
    if listing.status not in IMAGES_OPEN:
        raise ImagesFrozen("Images can be added to a draft, to an expired listing, or after changes were requested.")
    if len(listing.image_ids) + len(edit.images) > MAX_STORED_IMAGES:
        raise TooManyImages(
            f"A listing can have at most {MAX_STORED_IMAGES} image slots in total, including removed ones."
        )
    return tuple(_new_slot(uow, listing_id=listing.id, seller_id=listing.seller_id, slot=slot) for slot in edit.images)


def _apply(uow: UnitOfWork, listing: Listing, edit: ListingEdit) -> Listing:
    check_countries(ships_from=edit.ships_from, origin_country=edit.origin_country)
    listing = apply_edit(listing, edit, except_for=("price", "images"))
    return (
        listing if edit.price is UNSET else msgspec.structs.replace(listing, price=_check_money(uow, price=edit.price))
    )
