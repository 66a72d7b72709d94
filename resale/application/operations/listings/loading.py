"""What every operation on a listing begins with: may the caller, and is it what they read."""

from resale.application.ports import UnitOfWork
from resale.domain.access import Action, Principal, permits, role_towards
from resale.domain.ids import ListingId
from resale.domain.listings import (
    Listing,
    ListingChanged,
    ListingNotFound,
)
from resale.errors import Forbidden


def listing_to_act_on(uow: UnitOfWork, *, principal: Principal, listing_id: ListingId, action: Action) -> Listing:
    """Read the listing a caller wants to act on. Raises ListingNotFound when unseen, Forbidden when not theirs."""
    listing = uow.listings.get(listing_id)
    role = role_towards(principal, owner_id=listing.seller_id)
    if not permits(Action.VIEW_LISTING, role, listing.status):
        raise ListingNotFound
    if not permits(action, role, listing.status):
        raise Forbidden("This listing is not yours to change.")
    return listing


def expect_version(*, listing: Listing, version: int | None) -> None:
    """Hold a listing to the version the client read. Raises ListingChanged."""
    if version is not None and version != listing.version:
        raise ListingChanged(f"The listing is at version {listing.version} by now; read it again.")
