"""Notes on failed deliveries, for operators: SQS stores no errors.

A note is best effort: it is one put, and whatever goes wrong with it is logged and never stands in for the failure
itself. It holds the kind of error, its code and ids of ours, never its words: they may quote what a person wrote.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from celery.exceptions import NotRegistered, SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError

from resale.application.ports import RecordUnreadable
from resale.domain.dead_letters import FailureNote, FailureOutcome, LetterQueue, entity_ids_of
from resale.domain.messages import Malformed
from resale.domain.tenants import Tenant
from resale.errors import Outcome

logger = logging.getLogger(__name__)


class TaskTooLarge(Exception):  # noqa: N818 - named for what happened
    """Raised when the task ran out of memory. Celery ends the whole worker on a MemoryError."""


class NotSent(Exception):  # noqa: N818 - named for what happened
    """Raised when a queue does not accept the tasks that follow a change; ``code`` is the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


_CODES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (SoftTimeLimitExceeded, "time_limit"),
    (TimeLimitExceeded, "time_limit"),
    (WorkerLostError, "worker_lost"),
    (SystemExit, "worker_lost"),  # as the pool may put it
    (TaskTooLarge, "out_of_memory"),
    (Malformed, "malformed"),
    (RecordUnreadable, "malformed"),
    (NotSent, "not_sent"),
    (NotRegistered, "unknown_task"),
)
_ANY: Final = "internal_error"


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of a delivery, from the response of SQS; a message body cannot forge it."""

    queue: str
    message_id: str
    receive_count: int

    def note(
        self,
        error: BaseException,
        *,
        at: datetime,
        outcome: FailureOutcome = FailureOutcome.FAILED,
        task: str | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> FailureNote:
        """Return the note of a failed delivery."""
        return FailureNote(
            message_id=self.message_id,
            queue=LetterQueue(self.queue),
            receive_count=self.receive_count,
            outcome=outcome,
            code=code_of(error),
            exception=type(error).__name__,
            task=task,
            entity_ids=entity_ids_of(kwargs or {}),
            at=at,
        )


def code_of(error: BaseException) -> str:
    """Return the stable code of an error."""
    if isinstance(error, Outcome):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), _ANY)


def try_record(record: Callable[[FailureNote], None], note: FailureNote, *, tenant: Tenant) -> bool:
    """Record a note of a tenant; return whether it was stored."""
    try:
        record(note)
    except Exception:  # best effort: the failure itself is what matters, and it goes its own way
        logger.exception("failure not noted", extra={"tenant": tenant.slug, "message_id": note.message_id})
        return False
    return True
