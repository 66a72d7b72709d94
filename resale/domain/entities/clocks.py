"""The entity type of test clocks."""

from typing import Final

from resale.domain.access import Action
from resale.domain.clocks import Clock, ClockChanged, ClockNotFound
from resale.domain.entities.entity_type import NEVER_WAITS, ONE_STATUS, Absent, EntityType, Table
from resale.domain.ids import CLOCK_ID, ClockId

TEST_CLOCK: Final = EntityType[ClockId, Clock](
    id=CLOCK_ID,
    struct=Clock,
    name="test clock",
    about="How far a sandbox shop's time is ahead of the current time. A shop has at most one.",
    table=Table.CUSTOMERS,
    not_found=ClockNotFound,
    changed=ClockChanged,
    view=Action.MOVE_TEST_CLOCK,
    history=Absent("its effects are in the histories of the objects that it woke"),
    argument="clock_id",
    wake_task=NEVER_WAITS,
    page=Absent("the brand advances it through the API"),
    states=ONE_STATUS,
    sample="clock",
)
