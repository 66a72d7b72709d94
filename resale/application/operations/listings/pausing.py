"""Pausing a listing, and resuming it."""

from resale.application.operations.access import authorize, require_version
from resale.application.ports import UnitOfWork
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.ids import ListingId
from resale.domain.listings import (
    MAX_EDITED_VERSION,
    EditedTooOften,
    Listing,
    ListingCommand,
    ListingStatus,
    transition_listing,
)


def pause_listing(uow: UnitOfWork, *, listing_id: ListingId) -> Listing:
    """Pause a listing, so that only its seller and the brand see it.

    Shape: reads 1 item; commits 1 (``listing.paused``). Idempotent: repeating it is a no-op.

    Args:
        uow: Fresh; committed here once.
        listing_id: Which.

    Returns:
        The listing, paused.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not theirs.
        ListingTransitionRefused: Not on sale; one that an order holds is the order's.
        EditedTooOften: The listing has as many versions as a seller may make.
        Conflict: Another writer won, or the version is not the expected one.
    """
    listing = uow.listings.get(listing_id)
    authorize(uow, entity=listing, action=Action.PAUSE_LISTING)
    if listing.status == ListingStatus.PAUSED:
        return listing
    require_version(uow, entity=listing)
    paused = transition_listing(listing, ListingCommand.PAUSE, now=uow.now)
    if listing.version >= MAX_EDITED_VERSION:
        raise EditedTooOften("This listing has the maximum number of versions. Create a new listing for the item.")
    uow.listings.save(paused, change_type=ChangeType.LISTING_PAUSED)
    uow.commit()
    return paused


def resume_listing(uow: UnitOfWork, *, listing_id: ListingId) -> Listing:
    """Resume a paused listing at its previous position in lists.

    Shape: reads 1 item; commits 1 (``listing.resumed``). Of one that is on sale: no-op.

    Args:
        uow: Fresh; committed here once.
        listing_id: Which.

    Returns:
        The listing, on sale.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not theirs.
        ListingTransitionRefused: Not paused.
        Conflict: Another writer won, or the version is not the expected one.
    """
    listing = uow.listings.get(listing_id)
    authorize(uow, entity=listing, action=Action.PAUSE_LISTING)
    if listing.status == ListingStatus.ACTIVE:
        return listing
    require_version(uow, entity=listing)
    resumed = transition_listing(listing, ListingCommand.RESUME, now=uow.now)
    uow.listings.save(resumed, change_type=ChangeType.LISTING_RESUMED)
    uow.commit()
    return resumed
