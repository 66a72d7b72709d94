"""The end of a listing's period on sale."""

from resale.application.operations.purchases import move_unit
from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import ListingId
from resale.domain.listings import LISTINGS, Listing, ListingCommand, transition_listing
from resale.domain.reasons import ReasonCode


def expire_listing(uow: UnitOfWork, *, listing_id: ListingId) -> Listing:
    """Expire a listing whose period has ended; its seller can submit it again.

    Shape: reads 1-2 items; commits 1 (``listing.expired``), and the purchase it claimed a unit of
    (``purchase.released``). Before its time, while an order holds it, or when it is off sale anyway: no-op.

    Args:
        uow: Fresh; committed here once.
        listing_id: Which.

    Returns:
        The listing as it stands.

    Raises:
        ListingNotFound: No such listing.
        Conflict: Another writer won; a retry reads again.
    """
    listing = uow.listings.get(listing_id)
    if not LISTINGS.allows(listing.status, ListingCommand.EXPIRE, entity=listing, now=uow.now):
        return listing
    expired = transition_listing(listing, ListingCommand.EXPIRE, now=uow.now)
    uow.listings.save(expired, change_type=ChangeType.LISTING_EXPIRED, reason_code=ReasonCode.TIME_OVER)
    move_unit(uow, before=listing, after=expired)
    uow.commit()
    return expired
