"""The messages that a change of an order has to lead to, and those that a worker processed to the end.

The sweep repairs a lost message later under another id, so what it repaired counts as lost here.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from resale.application.reactions import tasks_after

_PROCESSED: Final = re.compile(rb"Task [a-z_.]+\[([^\]]+)\] succeeded")


def read_processed(logs: Path) -> set[str]:
    """Return the ids of the messages that workers processed, from their logs."""
    found: set[str] = set()
    for log in logs.glob("worker-*.log*"):
        found |= {task_id.decode() for task_id in _PROCESSED.findall(log.read_bytes())}
    return found


def expected_after(order_id: str, history: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids of the messages that follow the changes of an order."""
    return {
        task.id
        for entry in history
        for task in tasks_after(change_type=entry["change"]["type"], entity_id=order_id, version=entry["version"])
    }
