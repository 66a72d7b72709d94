"""Listing a returned item again."""

from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.operations.access import authorize
from resale.application.ports import UnitOfWork
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.features import Feature
from resale.domain.ids import LISTING_ID, ListingId
from resale.domain.listings import Listing, ListingNotFound, ListingStatus, NotRelistable
from resale.domain.orders import Order, OrderStatus
from resale.domain.shipments import GOING_BACK, ON_ITS_WAY, ShipmentStatus

_GIVEN_BACK: Final = frozenset({OrderStatus.REFUNDED, OrderStatus.CANCELLED})
#: Where a return is that its carrier has, or has delivered; one it lost does not come back.
_COMING_BACK: Final = ON_ITS_WAY | {ShipmentStatus.DELIVERED}


def relist_listing(uow: UnitOfWork, *, listing_id: ListingId) -> Listing:
    """Create a new listing for a sold item that was returned, or never left its seller; it goes to review.

    Money given back is not enough: a buyer who was refunded without a return, or by their bank, has the item still.

    A unit of a purchase that the old listing claims is the new one's from here on: claimed once, as it was.

    Shape: reads 2-4 items; commits 1 (``listing.relisted``). Idempotent: repeating it returns the same listing.

    Args:
        uow: Fresh; committed here once.
        listing_id: The sold listing.

    Returns:
        The new listing, ``relisted_from`` the old one, with its photos; its number is the order's.

    Raises:
        ListingNotFound: None that the caller may see.
        Forbidden: Not the seller.
        NotRelistable: Not sold, its order stands, the item did not come back, or the tenant does not have the feature
            ``relisting``.
        Conflict: Another writer won; read again.
    """
    listing = uow.listings.get(listing_id)
    authorize(uow, entity=listing, action=Action.RELIST_LISTING)
    if listing.status != ListingStatus.SOLD or listing.order_id is None:
        raise NotRelistable(f"The listing has the status {listing.status}.")
    new_id = LISTING_ID.sibling_of(listing.order_id)  # one sale comes back once, so it is relisted once
    known = _find(uow, new_id)
    if known is not None:
        return known
    if not uow.tenant.is_enabled(Feature.RELISTING):
        raise NotRelistable("This shop does not offer this yet. Create a new listing of the item.")
    order = uow.orders.get(listing.order_id)
    if order.status not in _GIVEN_BACK:
        raise NotRelistable(f"Its order has the status {order.status}. The order must be refunded first.")
    if order.remaining_minor or order.compensation is not None:
        raise NotRelistable("The seller was paid for this item.")
    if not (_is_with_seller(order) or _was_returned(uow, order)):
        raise NotRelistable("The order was refunded, but the item was not returned.")
    again = msgspec.structs.replace(
        listing,
        id=new_id,
        version=1,
        status=ListingStatus.PENDING_REVIEW,
        image_ids=(),
        order_id=None,
        relisted_from=listing.id,
        submitted_at=uow.now,
        published_at=None,
        expires_at=UNSET,
        created_at=uow.now,
        updated_at=uow.now,
        private=UNSET,
    )
    uow.listings.add(again, change_type=ChangeType.LISTING_RELISTED)
    uow.commit()
    return again


def _is_with_seller(order: Order) -> bool:
    """Return whether no carrier ever had the item, or it was returned to its sender or is on its way there."""
    parcel = order.shipment
    return parcel is None or parcel.shipped_at is None or parcel.status in {*GOING_BACK, ShipmentStatus.RETURNED}


def _was_returned(uow: UnitOfWork, order: Order) -> bool:
    """Return whether the buyer returned the item according to the carrier; the seller verifies its arrival."""
    if order.claim_id is None:
        return False
    parcel = uow.claims.get(order.claim_id).return_shipment
    return parcel is not None and parcel.status in _COMING_BACK


def _find(uow: UnitOfWork, listing_id: ListingId) -> Listing | None:
    try:
        return uow.listings.get(listing_id)
    except ListingNotFound:
        return None
