"""The entity type of transfers."""

from typing import Final

from resale.domain.entities.entity_type import Absent, EntityType, Table
from resale.domain.ids import TRANSFER_ID, TransferId
from resale.domain.transfers import TRANSFERS, Transfer, TransferChanged, TransferNotFound

TRANSFER: Final = EntityType[TransferId, Transfer](
    id=TRANSFER_ID,
    struct=Transfer,
    name="transfer",
    about="What a seller earns by one order. A negative transfer claws it back after completion.",
    table=Table.ORDERS,
    not_found=TransferNotFound,
    changed=TransferChanged,
    owner=lambda transfer: transfer.seller_id,
    view=Absent("it is read with its order's ledger (Action.VIEW_LEDGER)"),
    history=Absent("it is read by its order (list_transfer_history), with the permission to see the ledger"),
    argument="transfer_id",
    parent="order_id",
    wake_task=Absent("its order and the payout change it"),
    page=Absent("its page is part of its order's page"),
    states=TRANSFERS,
    sample="transfer",
)
