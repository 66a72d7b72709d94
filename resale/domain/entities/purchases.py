"""The entity type of past purchases."""

from typing import Final

from resale.domain.access import Action
from resale.domain.entities.entity_type import NEVER_WAITS, ONE_STATUS, Absent, EntityType, Table
from resale.domain.ids import PURCHASE_ID, PurchaseId
from resale.domain.purchases import Purchase, PurchaseChanged, PurchaseNotFound

PURCHASE: Final = EntityType[PurchaseId, Purchase](
    id=PURCHASE_ID,
    struct=Purchase,
    name="purchase",
    about="The proof of a past order at the brand, with the number of its units that are listed for resale.",
    table=Table.ORDERS,
    not_found=PurchaseNotFound,
    changed=PurchaseChanged,
    owner=lambda purchase: purchase.customer_id,
    view=Action.VIEW_PURCHASE,
    history=Action.VIEW_PURCHASE_HISTORY,
    argument="purchase_id",
    wake_task=NEVER_WAITS,
    page=Absent("it is shown on the page of the listing made from it"),
    states=ONE_STATUS,
    sample="purchase",
)
