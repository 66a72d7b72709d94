"""``docs/reference/changes.md``: every change type and what follows it, and every task."""

import inspect
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from celery import Task

from apps.workers.tasks import definitions
from deploy.local.reference.markdown import code, codes, opening, page, plain, table
from resale.application.reactions import REACTIONS, TASKS, Purpose
from resale.domain.changes import ChangeType

_IMAGES: Final = Purpose.IMAGES  # the queue of tasks that no change starts: those of uploads


def change_page() -> str:
    """Write the page."""
    return page(_lines())


def tasks() -> dict[str, Task[..., Any]]:
    """Find the tasks that the workers define, by name."""
    found = (value for value in vars(definitions).values() if isinstance(value, Task))
    return {task.name: task for task in sorted(found, key=lambda task: task.name)}


def _lines() -> Iterator[str]:
    yield from opening(
        "Changes and tasks",
        "Each write of an entity carries one change: what happened, who did it, when. The change is stored in the "
        "item, so a write cannot be committed without its change. The table's stream delivers the change; the "
        "changes worker appends it to the entity's history and sends the tasks that follow. "
        "`resale/application/reactions.py` is the table; a change without a task is only recorded.",
        "Delivery is at least once, and every task is idempotent: it reads the entity and does nothing when its step "
        "is done. What waits also carries `due_at`: a lost message delays it, because the sweep sends it again.",
        source="`resale/application/reactions.py` and the tasks of `apps/workers`",
    )
    for entity, types in groupby(sorted(ChangeType), key=_entity):
        yield from (f"## {entity.replace('_', ' ').capitalize()}", "")
        yield from table(("change", "what follows", "what happened"), map(_change_row, types))
    yield from ("## Tasks", "")
    yield from table(("task", "queue", "arguments", "what it does"), map(_task_row, tasks().values()))
    yield from ("## History", "")
    yield "History has one row per version. Its `hash` is the SHA-256 of the previous hash, the id, the version, the"
    yield "change and the stored bytes, so an edited, missing or added row shows. `GET /v1/…/{id}/history` verifies the"
    yield "chain ([endpoints](endpoints.md))."


def _entity(change_type: str) -> str:
    return change_type.partition(".")[0]


def _change_row(change_type: ChangeType) -> tuple[str, ...]:
    return (code(change_type), codes(REACTIONS.get(change_type, ())), change_type.meaning)


def _task_row(task: Task[..., Any]) -> tuple[str, ...]:
    route = TASKS.get(task.name)
    purpose = _IMAGES if route is None else route.purpose
    arguments = [name for name in inspect.signature(task.run).parameters if name != "self"]
    return (code(task.name), code(purpose), codes(arguments), plain((task.__doc__ or "").strip().splitlines()[0]))
