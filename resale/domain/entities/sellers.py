"""The entity type of seller accounts."""

from typing import Final

from resale.domain import task_names
from resale.domain.entities.entity_type import ONE_STATUS, Absent, EntityType, Table
from resale.domain.ids import SELLER_ID, SellerId
from resale.domain.sellers import Seller, SellerChanged, SellerNotFound

SELLER: Final = EntityType[SellerId, Seller](
    id=SELLER_ID,
    struct=Seller,
    name="seller account",
    about="How a seller is paid, and the address they ship from. Its version guards the balance.",
    table=Table.ORDERS,
    not_found=SellerNotFound,
    changed=SellerChanged,
    owner=lambda seller: seller.customer_id,
    view=Absent("it is read by its customer's id, and only by that customer"),
    history=Absent("its balance is recorded in the ledger, and only its owner changes the rest"),
    argument="seller_id",
    wake_task=task_names.START_PAYOUT,
    page=Absent("the admin shows balances on one page for all sellers"),
    states=ONE_STATUS,
    sample="seller",
)
