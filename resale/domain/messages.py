"""Queue messages: a task, its id and its keyword arguments. Other fields of a body are ignored."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from resale.domain.task_names import PROCESS_UPLOAD

#: Purpose of a queue → the task that takes its raw bodies (JSON objects that are not envelopes: S3's events).
RAW_TASKS: Final[Mapping[str, str]] = {"images": PROCESS_UPLOAD}

CONTENT_TYPE: Final = "application/json"
_ARGUMENT_PARTS: Final = 3  # [args, kwargs, embed]: Celery's message protocol, version 2


class Malformed(Exception):  # noqa: N818 - named for what happened
    """Raised for a body without a valid task; it stays in its queue until the redrive policy moves it."""


class TaskMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The task of a message.

    ``claimed`` is what the body names as its queue and its tenant. Nothing follows from it, except a line in the log.
    """

    task: str
    id: str
    kwargs: Mapping[str, Any]
    claimed: frozenset[str] = frozenset()


def read_task(body: str, *, message_id: str, raw_task: str | None) -> TaskMessage:
    """Return the task of a body. Raises Malformed.

    Args:
        body: As received from SQS.
        message_id: SQS's; the id of a raw body's task.
        raw_task: Takes a JSON object that is no envelope, as ``event``; None where the queue has no such task.

    Raises:
        Malformed: Not JSON, no task and id, positional arguments, another content type.
    """
    message = _json_object(body)
    if "headers" in message or "properties" in message:
        return _read_envelope(message)
    if raw_task is None:
        raise Malformed("not an envelope")
    return TaskMessage(task=raw_task, id=message_id, kwargs={"event": message})


def _read_envelope(message: Mapping[str, Any]) -> TaskMessage:
    headers = message.get("headers")
    task, task_id = (headers.get("task"), headers.get("id")) if isinstance(headers, dict) else (None, None)
    if not (isinstance(task, str) and isinstance(task_id, str)):
        raise Malformed("no task name and id")
    if message.get("content-type", CONTENT_TYPE) != CONTENT_TYPE:
        raise Malformed("content type is not JSON")
    return TaskMessage(task=task, id=task_id, kwargs=_keyword_arguments(message), claimed=_claims_of(message))


def _claims_of(message: Mapping[str, Any]) -> frozenset[str]:
    headers, properties = message.get("headers"), message.get("properties")
    delivery = properties.get("delivery_info") if isinstance(properties, dict) else None
    claims = (
        headers.get("tenant") if isinstance(headers, dict) else None,
        delivery.get("routing_key") if isinstance(delivery, dict) else None,
    )
    return frozenset(claim for claim in claims if isinstance(claim, str) and claim)


def _keyword_arguments(message: Mapping[str, Any]) -> dict[str, Any]:
    match _json(_inner_text(message)):
        case [[], dict() as kwargs, dict() | None]:
            return kwargs
        case list() as parts if len(parts) == _ARGUMENT_PARTS:
            raise Malformed("positional arguments")
    raise Malformed("no arguments")


def _inner_text(message: Mapping[str, Any]) -> str:
    text = message.get("body")
    if not isinstance(text, str):
        raise Malformed("body is not a string")
    properties = message.get("properties")
    if isinstance(properties, dict) and properties.get("body_encoding") == "base64":  # as Celery itself sends
        return _unbase64(text)
    return text


def _unbase64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Malformed("body is not base64 of text") from error


def _json_object(text: str) -> dict[str, Any]:
    value = _json(text)
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
