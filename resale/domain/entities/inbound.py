"""The entity type of inbound events."""

from typing import Final

from resale.domain import task_names
from resale.domain.entities.entity_type import Absent, EntityType, Table
from resale.domain.ids import INBOUND_ID, InboundId
from resale.domain.inbound import INBOUND, Inbound, InboundChanged, InboundNotFound

INBOUND_EVENT: Final = EntityType[InboundId, Inbound](
    id=INBOUND_ID,
    struct=Inbound,
    name="inbound event",
    about="An event that a partner sent by webhook. One that must wait stays received and has a new `due_at`.",
    table=Table.ORDERS,
    not_found=InboundNotFound,
    changed=InboundChanged,
    view=Absent("only workers read it"),
    history=Absent("its effect is in the history of its target"),
    argument="inbound_id",
    wake_task=task_names.PROCESS_INBOUND,
    page=Absent("its effect is on the page of its target"),
    states=INBOUND,
    sample="inbound",
)
