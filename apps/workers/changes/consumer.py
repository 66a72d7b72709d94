"""The changes worker: a batch consumer of stream records that appends history rows and sends the tasks that follow.

Receive ten, put each history row, send what follows, delete. Each message stands on its own: one that fails stays,
is received again and ends in the DLQ alone. Done twice it writes the same rows and sends the same messages.

What fails for the moment must not end in the DLQ. While the store takes no row at all, the batch in hand is tried
again and nothing more is received, since SQS counts each receive; and what fails for the moment is hidden for a pause
that grows, so that its receives last for hours.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from apps.core import clock
from apps.workers.failures import Delivered, NotSent, try_record
from apps.workers.messages import envelope
from resale.application.ports import (
    CONTENT_REFUSED,
    FailureLog,
    HistoryLog,
    HistoryRow,
    Queues,
    Received,
    RecordUnreadable,
)
from resale.application.reactions import Purpose, Task, tasks_after
from resale.domain.dead_letters import FailureNote
from resale.domain.tenants import Tenant
from resale.errors import Contended, Unavailable

logger = logging.getLogger(__name__)

WAIT_SECONDS: Final = 20  # SQS's longest poll
HOLD_SECONDS: Final = 300.0  # then another batch is received: it may have been these messages and not the store
#: How long a message that failed for the moment is hidden after its first, second, … receive: five last five hours.
PAUSE_SECONDS: Final = (15, 60, 600, 3_600, 14_400)

RowReader = Callable[[str], HistoryRow]


class _Change(msgspec.Struct, frozen=True):
    """A message and the history row in it."""

    message: Received
    row: HistoryRow

    @property
    def key(self) -> tuple[str, int]:
        return (self.row.entity_id, self.row.version)


class _Failure(msgspec.Struct, frozen=True):
    """A message that was not processed, and the error."""

    message: Received
    error: Exception
    row: HistoryRow | None = None

    @property
    def is_passing(self) -> bool:
        """Return whether a retry can succeed, because the message itself is valid."""
        return isinstance(self.error, Unavailable | Contended) or (
            isinstance(self.error, NotSent) and self.error.code not in CONTENT_REFUSED
        )

    @property
    def pause_seconds(self) -> int:
        return PAUSE_SECONDS[min(self.message.receive_count, len(PAUSE_SECONDS)) - 1]

    def note(self, *, at: datetime) -> FailureNote:
        delivered = Delivered(
            queue=Purpose.CHANGES, message_id=self.message.message_id, receive_count=self.message.receive_count
        )
        kwargs = {} if self.row is None else {"entity_id": self.row.entity_id}
        return delivered.note(self.error, at=at, kwargs=kwargs)


class ChangesConsumer:
    """Copies the changes of one tenant to its history and sends the tasks that follow to its queues."""

    def __init__(
        self,
        *,
        tenant: Tenant,
        queues: Queues,
        history: HistoryLog,
        read_row: RowReader,
        failures: FailureLog | None = None,
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Store the tenant's own queues and history; other tenants' cannot be reached from here.

        ``failures`` is told why a message stays; without it the log alone is. ``clock_seconds`` times the hold.
        """
        self._clock_seconds = clock_seconds
        self._held: list[_Change] = []
        self._held_until = 0.0
        self._tenant = tenant
        self._queues = queues
        self._history = history
        self._read_row = read_row
        self._failures = failures
        self._url = tenant.resources.queues.changes.url

    def run_once(self, *, wait_seconds: int = WAIT_SECONDS) -> int:
        """Process one batch.

        Returns:
            How many messages were received; what failed of them stays in the queue.

        Raises:
            Unavailable: The queue does not respond, or the store still takes nothing of the batch in hand; nothing is
                lost, try again later.
        """
        self._retry_held()
        received = self._queues.receive(self._url, wait_seconds=wait_seconds)
        if not received:
            return 0
        failed: list[_Failure] = []
        changes = self._readable(received, failed)
        self._process(changes, failed)
        self._postpone(failed)
        self._note(failed)
        if _store_is_down(changes, failed):
            self._held, self._held_until = changes, self._clock_seconds() + HOLD_SECONDS
        return len(received)

    def _retry_held(self) -> None:
        """Retry the batch of which the store accepted nothing; until it succeeds, no other batch is received."""
        if not self._held:
            return
        failed: list[_Failure] = []
        self._process(self._held, failed)
        if _store_is_down(self._held, failed) and self._clock_seconds() < self._held_until:
            raise Unavailable("The data store does not accept changes.") from failed[0].error
        self._held = []

    def _process(self, changes: list[_Change], failed: list[_Failure]) -> None:
        done = self._send_what_follows(self._record(changes, failed), failed)
        self._queues.delete(self._url, [change.message.handle for change in done])

    def _readable(self, received: tuple[Received, ...], failed: list[_Failure]) -> list[_Change]:
        changes = []
        for message in received:
            try:
                changes.append(_Change(message, self._read_row(message.body)))
            except Exception as error:  # noqa: BLE001 - whatever one message does to its reader, the others are read
                why = str(error) if isinstance(error, RecordUnreadable) else repr(type(error))
                logger.error(  # noqa: TRY400 - the message itself says it all and may hold personal data
                    "unreadable change",
                    extra={
                        "event": "change.unreadable",
                        "tenant": self._tenant.slug,
                        "message_id": message.message_id,
                        "why": why,
                    },
                )
                failed.append(_Failure(message, error))
        return changes

    def _record(self, changes: list[_Change], failed: list[_Failure]) -> list[_Change]:
        rows = {change.key: change.row for change in changes}
        errors = self._history.append(tuple(rows.values()))
        for (entity_id, version), error in errors.items():
            logger.error(
                "change not recorded",
                extra={
                    "event": "change.not_recorded",
                    "tenant": self._tenant.slug,
                    "entity_id": entity_id,
                    "version": version,
                    "why": repr(error),
                },
            )
        failed += [_Failure(one.message, errors[one.key], one.row) for one in changes if one.key in errors]
        return [change for change in changes if change.key not in errors]

    def _send_what_follows(self, changes: list[_Change], failed: list[_Failure]) -> list[_Change]:
        """Send the tasks of each change; return the changes whose tasks SQS accepted completely."""
        outgoing: dict[Purpose, list[tuple[_Change, Task]]] = defaultdict(list)
        for change in changes:
            row = change.row
            for task in tasks_after(change_type=row.change.type, entity_id=row.entity_id, version=row.version):
                outgoing[task.purpose].append((change, task))
        kept_back: dict[str, str] = {}
        for purpose, entries in outgoing.items():
            bodies = [envelope(task.name, task.kwargs, task.id) for _, task in entries]
            for position, code in self._send(purpose, bodies).items():
                kept_back[entries[position][0].message.handle] = code
                extra = {"event": "change.not_sent", "tenant": self._tenant.slug, "why": code}
                logger.error("message not sent", extra=extra)
        failed += [
            _Failure(one.message, NotSent(kept_back[one.message.handle]), one.row)
            for one in changes
            if one.message.handle in kept_back
        ]
        return [change for change in changes if change.message.handle not in kept_back]

    def _postpone(self, failed: list[_Failure]) -> None:
        """Hide messages with temporary failures; a queue that does not respond shows them after its own timeout."""
        by_pause: dict[int, list[str]] = defaultdict(list)
        for failure in failed:
            if failure.is_passing:
                by_pause[failure.pause_seconds].append(failure.message.handle)
        try:
            for seconds, handles in by_pause.items():
                self._queues.postpone(self._url, handles, seconds=seconds)
        except Unavailable:
            logger.warning("messages not postponed", extra={"tenant": self._tenant.slug}, exc_info=True)

    def _note(self, failed: list[_Failure]) -> None:
        """Note the failures; after a refusal by the store, the remaining notes are skipped."""
        if self._failures is None:
            return
        for failure in failed:
            if not try_record(self._failures.record, failure.note(at=clock.for_platform()), tenant=self._tenant):
                return

    def _send(self, purpose: Purpose, bodies: list[str]) -> Mapping[int, str]:
        """Send bodies to one queue; return the error of each body that was not accepted."""
        try:
            return self._queues.send(queue_url(self._tenant, purpose), bodies)
        except Unavailable as outcome:
            return dict.fromkeys(range(len(bodies)), outcome.code)


def _store_is_down(changes: list[_Change], failed: list[_Failure]) -> bool:
    """Return whether the store temporarily accepted none of these rows."""
    refused = {failure.message.handle for failure in failed if isinstance(failure.error, Unavailable)}
    return bool(changes) and all(change.message.handle in refused for change in changes)


def queue_url(tenant: Tenant, purpose: Purpose) -> str:
    """Return the URL of a tenant's queue from its resource map."""
    queues = tenant.resources.queues
    return {Purpose.CHANGES: queues.changes, Purpose.ORDERS: queues.orders, Purpose.IMAGES: queues.images}[purpose].url
