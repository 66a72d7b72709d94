"""``docs/reference/changes.md``: every change type and what follows it, and every task."""

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.reference.markdown import code, codes, opening, page, plain, table
from resale.application.reactions import REACTIONS, TASKS, Purpose
from resale.domain import task_names
from resale.domain.changes import ChangeType

_SOURCE: Final = Path(__file__).resolve().parents[3] / "apps/workers/tasks/definitions.py"
_IMAGES: Final = Purpose.IMAGES  # the queue of tasks that no change starts: those of uploads


def change_page() -> str:
    """Return the page."""
    return page(_lines())


class TaskDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A task as its source declares it."""

    name: str
    arguments: tuple[str, ...]
    summary: str


def tasks() -> dict[str, TaskDefinition]:
    """Return the tasks that the workers define, by name.

    They are read and not imported: a task registers itself with every Celery app of the process.
    """
    tree = ast.parse(_SOURCE.read_text(encoding="utf-8"))
    found = [
        _definition(node, name) for node in tree.body if isinstance(node, ast.FunctionDef) for name in _names(node)
    ]
    return {task.name: task for task in sorted(found, key=lambda task: task.name)}


def _names(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if keyword.arg == "name" and isinstance(keyword.value, ast.Name):
                yield getattr(task_names, keyword.value.id)


def _definition(function: ast.FunctionDef, name: str) -> TaskDefinition:
    return TaskDefinition(
        name=name,
        arguments=tuple(argument.arg for argument in function.args.kwonlyargs),
        summary=(ast.get_docstring(function) or "").partition("\n")[0],
    )


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


def _task_row(task: TaskDefinition) -> tuple[str, ...]:
    route = TASKS.get(task.name)
    purpose = _IMAGES if route is None else route.purpose
    return (code(task.name), code(purpose), codes(task.arguments), plain(task.summary))
