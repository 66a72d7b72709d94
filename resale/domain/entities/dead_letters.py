"""The entity type of dead letters."""

from typing import Final

from resale.domain.access import Action
from resale.domain.dead_letters import DEAD_LETTERS, DeadLetter, DeadLetterChanged, DeadLetterNotFound
from resale.domain.entities.entity_type import NEVER_WAITS, Absent, EntityType, Table
from resale.domain.ids import DEAD_LETTER_ID, DeadLetterId

DEAD_LETTER: Final = EntityType[DeadLetterId, DeadLetter](
    id=DEAD_LETTER_ID,
    struct=DeadLetter,
    name="dead letter",
    about="A message that failed as often as its queue allows. A waiting one is recorded only in its queue.",
    table=Table.ORDERS,
    not_found=DeadLetterNotFound,
    changed=DeadLetterChanged,
    view=Action.VIEW_DEAD_LETTERS,
    history=Absent("it records its own actions"),
    argument="letter_id",
    wake_task=NEVER_WAITS,
    page="dead-letter",
    states=DEAD_LETTERS,
    sample="dead_letter",
)
