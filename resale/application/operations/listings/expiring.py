"""The end of a listing's time on sale."""

from datetime import datetime

from resale.application.ports import UnitOfWork
from resale.domain.ids import ListingId
from resale.domain.listings import LISTINGS, Listing, ListingCommand, moved_listing


def expire_listing(*, uow: UnitOfWork, listing_id: ListingId, now: datetime) -> Listing:
    """Take a listing off sale whose time is over; its seller may submit it again.

    Shape: reads 1 item; commits 1 (``listing.expired``). Before its time, while an order holds it, or when it is
    off sale anyway: no-op.

    Args:
        uow: Fresh; committed here once.
        listing_id: Which.
        now: Moment of the task, aware UTC.

    Returns:
        The listing as it stands.

    Raises:
        ListingNotFound: No such listing.
        Conflict: Another writer won; said again it looks anew.
    """
    listing = uow.listings.get(listing_id)
    if not LISTINGS.allows(listing.status, ListingCommand.EXPIRE, entity=listing, now=now):
        return listing
    listing = moved_listing(listing, ListingCommand.EXPIRE, now=now)
    uow.listings.save(listing, change_type="listing.expired", reason_code="time_over")
    uow.commit()
    return listing
