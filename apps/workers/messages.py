"""Bodies of queue messages in Celery's format. They carry ids only; other fields of a body are ignored."""

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any, Final

from resale.domain.messages import CONTENT_TYPE, RAW_TASKS, Malformed, read_task

__all__ = ["RAW_TASKS", "Malformed", "envelope", "read"]

logger = logging.getLogger(__name__)

_ENCODING: Final = "utf-8"
_FORGED: Final = {"event": "message.forged"}  # stable: alarms are set on it


def envelope(task: str, kwargs: Mapping[str, str], message_id: str) -> str:
    """Return the SQS body of a message that runs ``task(**kwargs)``.

    Args:
        task: Registered name, ``noun.verb``.
        kwargs: Ids only.
        message_id: Becomes the task's id; the same work sent again carries the same one.
    """
    return json.dumps(_fields(task, dict(kwargs), message_id), separators=(",", ":"))


def read(body: str, *, message_id: str, raw_task: str | None, polled: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields of the task in a body: name, id and keyword arguments.

    Celery would obey much more of a body than that: time limits, expiry (an expired message is deleted), ETA,
    callbacks, the serializer, the routing key. None of it survives, so a forged message can ask only for a task. A
    body that names another queue or tenant is logged as ``message.forged``, and runs for the tenant it lay with.

    Args:
        body: As received from SQS.
        message_id: SQS's; the id of a raw body's task.
        raw_task: Takes a JSON object that is no envelope, as ``event``; None where the queue has no such task.
        polled: Names of the queue that was polled, its purpose and its tenant.

    Raises:
        Malformed: Not JSON, no task and id, positional arguments, another content type.
    """
    message = read_task(body, message_id=message_id, raw_task=raw_task)
    if message.claimed.difference(polled):
        logger.warning("message names another queue or tenant", extra={**_FORGED, "message_id": message_id})
    return _fields(message.task, message.kwargs, message.id)


def _fields(task: str, kwargs: Mapping[str, Any], message_id: str) -> dict[str, Any]:
    return {
        "body": json.dumps([[], kwargs, {}], separators=(",", ":")),
        "content-type": CONTENT_TYPE,
        "content-encoding": _ENCODING,
        "headers": {"task": task, "id": message_id},
        "properties": {},
    }
