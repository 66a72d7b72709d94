"""The entity type of claims."""

from typing import Final

from resale.domain import task_names
from resale.domain.access import Action
from resale.domain.claims import CLAIMS, Claim, ClaimChanged, ClaimNotFound
from resale.domain.entities.entity_type import EntityType, Table
from resale.domain.ids import CLAIM_ID, ClaimId

CLAIM: Final = EntityType[ClaimId, Claim](
    id=CLAIM_ID,
    struct=Claim,
    name="claim",
    about="Buyer protection for one delivered order.",
    table=Table.ORDERS,
    not_found=ClaimNotFound,
    changed=ClaimChanged,
    owner=lambda claim: claim.buyer_id,
    counterparty=lambda claim: claim.seller_id,
    view=Action.VIEW_CLAIM,
    history=Action.VIEW_CLAIM_HISTORY,
    argument="claim_id",
    wake_task=task_names.ADVANCE_CLAIM,
    page="claim",
    states=CLAIMS,
    sample="claim",
)
