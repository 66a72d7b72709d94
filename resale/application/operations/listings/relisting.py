"""Putting an item on sale again that came back to its seller."""

from datetime import datetime

import msgspec
from msgspec import UNSET

from resale.application.operations.listings.acting import listing_to_act_on
from resale.application.ports import UnitOfWork
from resale.domain.access import Action, Principal
from resale.domain.ids import ListingId, sibling
from resale.domain.listings import Listing, ListingNotFound, ListingStatus, NotRelistable
from resale.domain.orders import OrderStatus

#: Orders whose item is with the seller again.
_CAME_BACK = frozenset({OrderStatus.REFUNDED, OrderStatus.CANCELLED})


def relist_listing(*, uow: UnitOfWork, principal: Principal, listing_id: ListingId, now: datetime) -> Listing:
    """Sell a sold item again after its order was given back: a new listing like it, which goes to review.

    Shape: reads 2-3 items; commits 1 (``listing.relisted``). Said again: the same new listing.

    Args:
        uow: Fresh; committed here once.
        principal: Must be the seller.
        listing_id: The sold listing.
        now: Moment of the request, aware UTC.

    Returns:
        The new listing, ``relisted_from`` the old one, with its photos; its number is the order's.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not the seller.
        NotRelistable: Not sold, or its order stands.
        Conflict: Another writer won; read again.
    """
    listing = listing_to_act_on(uow=uow, principal=principal, listing_id=listing_id, action=Action.RELIST_LISTING)
    if listing.status != ListingStatus.SOLD or listing.order_id is None:
        raise NotRelistable(f"The listing is {listing.status}.")
    new_id = ListingId(sibling("lst", listing.order_id))  # one sale comes back once, so it is relisted once
    known = _find(uow, new_id)
    if known is not None:
        return known
    order = uow.orders.get(listing.order_id)
    if order.status not in _CAME_BACK:
        raise NotRelistable(f"Its order is {order.status}.")
    again = msgspec.structs.replace(
        listing,
        id=new_id,
        version=1,
        status=ListingStatus.PENDING_REVIEW,
        image_ids=(),
        order_id=None,
        relisted_from=listing.id,
        submitted_at=now,
        published_at=None,
        created_at=now,
        updated_at=now,
        private=UNSET,
    )
    uow.listings.add(again, change_type="listing.relisted")
    uow.commit()
    return again


def _find(uow: UnitOfWork, listing_id: ListingId) -> Listing | None:
    try:
        return uow.listings.get(listing_id)
    except ListingNotFound:
        return None
