"""Attacks by messages: what a message in a tenant's own queue can ask for."""

from collections.abc import Mapping
from typing import Final

from deploy.local.attacks.means import Group, Means
from resale.application.reactions import TASKS
from resale.domain.messages import RAW_TASKS

IDS: Final = Means(
    name="ids",
    sends="The victim's ids, in a message of the attacker's own queue.",
    expected="refused",
    event="task.refused",
)
FORGED: Final = Means(
    name="forged fields",
    sends="The same, with the victim's queue and name as routing key, queue address and tenant of the message.",
    expected="refused",
    event="message.forged",
)
TENANT: Final = Means(
    name="tenant argument",
    sends="The same, with the victim's name as a further argument of the task. The message fails and stays.",
    expected="failed TypeError",
)
UPLOAD: Final = Means(
    name="upload event",
    sends="An S3 event in the attacker's own queue that names the victim's bucket and photo.",
    expected="done",
    event="upload.unknown",
)
RECORD: Final = Means(
    name="stream record",
    sends="A stream record of the victim's table, in the attacker's changes queue. It fails and stays.",
    expected="failed",
    event="change.unreadable",
)

#: The queue of stream records, which the changes worker reads without a task.
CHANGES: Final = "changes"
_TASK: Final = (IDS, FORGED, TENANT)
_NOTHING_TO_DO: Final = (IDS.expecting("done"), FORGED.expecting("done"), TENANT)

#: Task → the means that are tried on it.
ROWS: Final[Mapping[str, tuple[Means, ...]]] = {
    "orders.advance": _TASK,
    "claims.advance": _TASK,
    "payouts.advance": _TASK,
    "payouts.start": _NOTHING_TO_DO,
    "listings.expire": _TASK,
    "listings.publish_photos": _TASK,
    "listings.retire_photos": _TASK,
    "images.process": _TASK,
    "clocks.sweep": _NOTHING_TO_DO,
    "inbound.process": _TASK,
    "images.process_upload": (UPLOAD,),
    CHANGES: (RECORD,),
}


def find_needed() -> Mapping[str, tuple[Means, ...]]:
    """Return each task, and the changes worker, with the means that its kind of message calls for."""
    return {**dict.fromkeys(TASKS, _TASK), **dict.fromkeys(RAW_TASKS.values(), (UPLOAD,)), CHANGES: (RECORD,)}


TASK_GROUP: Final = Group(
    title="Workers",
    about=(
        "The attacker puts messages into its own queues: those of the victim refuse it (below). A task runs for the "
        "tenant whose queue was polled, so the victim's ids name nothing. *Refused*: the message is deleted, with a "
        "note for the operator."
    ),
    surface="task",
    place="ROWS of deploy/local/attacks/tasks.py",
    means=(*_TASK, UPLOAD, RECORD),
    rows=ROWS,
    find_needed=find_needed,
)
