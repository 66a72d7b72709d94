"""The entity type of payouts."""

from typing import Final

from resale.domain import task_names
from resale.domain.access import Action
from resale.domain.entities.entity_type import EntityType, Table
from resale.domain.ids import PAYOUT_ID, PayoutId
from resale.domain.payouts import PAYOUTS, Payout, PayoutChanged, PayoutNotFound

PAYOUT: Final = EntityType[PayoutId, Payout](
    id=PAYOUT_ID,
    struct=Payout,
    name="payout",
    about="What leaves a seller's balance.",
    table=Table.ORDERS,
    not_found=PayoutNotFound,
    changed=PayoutChanged,
    owner=lambda payout: payout.seller_id,
    view=Action.VIEW_PAYOUT,
    history=Action.VIEW_PAYOUT_HISTORY,
    argument="payout_id",
    wake_task=task_names.ADVANCE_PAYOUT,
    page="payout",
    states=PAYOUTS,
    sample="payout",
)
