"""The entity type of listings."""

from typing import Final

from resale.domain import task_names
from resale.domain.access import Action
from resale.domain.entities.entity_type import EntityType, Table
from resale.domain.ids import LISTING_ID, ListingId
from resale.domain.listings import LISTINGS, Listing, ListingChanged, ListingNotFound

LISTING: Final = EntityType[ListingId, Listing](
    id=LISTING_ID,
    struct=Listing,
    name="listing",
    about="The advert of one item. A sold listing stays sold; a returned item gets a new listing.",
    table=Table.LISTINGS,
    not_found=ListingNotFound,
    changed=ListingChanged,
    owner=lambda listing: listing.seller_id,
    view=Action.VIEW_LISTING,
    history=Action.VIEW_LISTING_HISTORY,
    argument="listing_id",
    wake_task=task_names.EXPIRE_LISTING,
    page="listing",
    states=LISTINGS,
    sample="listing",
)
