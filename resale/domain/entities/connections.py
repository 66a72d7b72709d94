"""The entity type of connections."""

from typing import Final

from resale.domain.access import Action
from resale.domain.connections import ConnectionChanged, ConnectionState, ConnectionStateNotFound
from resale.domain.entities.entity_type import NEVER_WAITS, Absent, EntityType, Table
from resale.domain.ids import CONNECTION_ID, ConnectionId

CONNECTION: Final = EntityType[ConnectionId, ConnectionState](
    id=CONNECTION_ID,
    struct=ConnectionState,
    name="connection",
    about="The health of a shop's connection to a partner, recorded since its first failure.",
    table=Table.ORDERS,
    not_found=ConnectionStateNotFound,
    changed=ConnectionChanged,
    view=Action.VIEW_CONNECTION,
    history=Absent("only its last change is shown"),
    argument="connection_id",
    wake_task=NEVER_WAITS,
    page=Absent("one page shows all of them"),
    states=Absent("it opens and closes with the partner's failures; no command changes it"),
    sample="connection",
)
