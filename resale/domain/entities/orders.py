"""The entity type of orders."""

from typing import Final

from resale.domain import task_names
from resale.domain.access import Action
from resale.domain.entities.entity_type import EntityType, Table
from resale.domain.ids import ORDER_ID, OrderId
from resale.domain.order_states import ORDERS
from resale.domain.orders import Order, OrderChanged, OrderNotFound

ORDER: Final = EntityType[OrderId, Order](
    id=ORDER_ID,
    struct=Order,
    name="order",
    about="The sale of one item to one buyer, from submission to the end of buyer protection.",
    table=Table.ORDERS,
    not_found=OrderNotFound,
    changed=OrderChanged,
    owner=lambda order: order.buyer_id,
    counterparty=lambda order: order.seller_id,
    view=Action.VIEW_ORDER,
    history=Action.VIEW_ORDER_HISTORY,
    argument="order_id",
    wake_task=task_names.ADVANCE_ORDER,
    page="order",
    states=ORDERS,
    sample="order",
)
