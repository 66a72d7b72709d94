"""The sweep: sends the wake-up message of each due item. It commits nothing; several may run at once.

A sweep changes nothing, so what it woke is due still until its task has run. It remembers what it sent and sends it
again only after a pause that doubles: a partner's outage does not become a flood.
"""

import logging
from collections import OrderedDict, defaultdict
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import msgspec

from apps.workers.changes.consumer import queue_url
from apps.workers.messages import envelope
from resale.application.ports import DueItem, Queues, Reader
from resale.application.reactions import Purpose, Task, task_when_due

logger = logging.getLogger(__name__)

ROUND_MAX: Final = 5_000  # wake-ups looked at in one round; the next goes on, since those sent are passed over
REMEMBERED_MAX: Final = 50_000  # about 10 MB a tenant; beyond, the oldest may be sent once more
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)


class _Sent(msgspec.Struct, frozen=True):
    """When a wake-up may be sent again, and the pause after that."""

    again_at: datetime
    pause: timedelta


class Sweeper:
    """Wakes the due items of one tenant."""

    def __init__(self, *, reader: Reader, queues: Queues) -> None:
        self._reader = reader
        self._queues = queues
        self._sent: OrderedDict[tuple[str, datetime], _Sent] = OrderedDict()

    def run_once(self, *, now: datetime) -> int:
        """Send the wake-up message of every due item that was not woken recently.

        Shape: pages of the due indexes; one batch of sends a queue. A wake-up sent twice finds the item moved on.

        Returns:
            How many messages SQS took.

        Raises:
            Unavailable: The tenant's store or queues do not respond; the next round asks again.
        """
        fresh = (item for item in self._reader.iter_due(now=now) if self._may_send(item, now))
        by_purpose: dict[Purpose, list[tuple[DueItem, Task]]] = defaultdict(list)
        for item in islice(fresh, ROUND_MAX):
            task = self._task(item)
            if task is not None:
                by_purpose[task.purpose].append((item, task))
        return sum(self._send(purpose, woken, now) for purpose, woken in by_purpose.items())

    def _task(self, item: DueItem) -> Task | None:
        """Return the task that wakes an item; None if this release has none, as for an item of a newer one."""
        try:
            return task_when_due(item)
        except KeyError:
            extra = {"event": "sweep.unknown_item", "tenant": self._reader.tenant.slug, "entity_id": item.entity_id}
            logger.error("no task processes this item", extra=extra)  # noqa: TRY400 - the line says it all
            return None

    def _send(self, purpose: Purpose, woken: list[tuple[DueItem, Task]], now: datetime) -> int:
        bodies = [envelope(task.name, task.kwargs, task.id) for _, task in woken]
        failed = self._queues.send(queue_url(self._reader.tenant, purpose), bodies)
        for code in failed.values():
            logger.error("wake-up not sent", extra={"tenant": self._reader.tenant.slug, "why": code})
        for position, (item, _) in enumerate(woken):
            if position not in failed:
                self._remember(item, now)
        return len(bodies) - len(failed)

    def _may_send(self, item: DueItem, now: datetime) -> bool:
        sent = self._sent.get((item.entity_id, item.due_at))
        return sent is None or now >= sent.again_at

    def _remember(self, item: DueItem, now: datetime) -> None:
        key = (item.entity_id, item.due_at)
        known = self._sent.pop(key, None)
        pause = FIRST_PAUSE if known is None else min(known.pause * 2, LONGEST_PAUSE)
        self._sent[key] = _Sent(again_at=now + pause, pause=pause)
        if len(self._sent) > REMEMBERED_MAX:
            self._sent.popitem(last=False)
