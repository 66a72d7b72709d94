"""The queues of a run: the one replacement. Messages come twice, late, out of order, or not at all."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from resale.application.ports import Received
from tests.simulation.chance import Chance, Odds

VISIBILITY = timedelta(seconds=90)
MAX_RECEIVES = 12


class Message(msgspec.Struct, kw_only=True):
    """One message as the queue keeps it."""

    id: str
    body: str
    visible_at: datetime
    receives: int = 0


class SimulatedQueues:
    """Keeps ``resale.application.ports.Queues`` in memory, with SQS's promises and no better ones.

    ``may_drop`` says of a queue whether messages of it vanish: only those that something else makes up for.
    ``is_played`` says whether the run has workers for a queue. What is sent to another one is taken and not kept: it
    would wait for ever.
    """

    def __init__(
        self,
        chance: Chance,
        now: Callable[[], datetime],
        *,
        may_drop: Callable[[str], bool],
        is_played: Callable[[str], bool],
    ) -> None:
        self._chance, self._now, self._may_drop, self._is_played = chance, now, may_drop, is_played
        self._queues: dict[str, list[Message]] = {}
        self.dead: dict[str, list[Message]] = {}
        self.odds = Odds()

    def send(self, queue_url: str, bodies: Sequence[str]) -> Mapping[int, str]:
        failed: dict[int, str] = {}
        for at, body in enumerate(bodies):
            if self._chance.happens(self.odds.refused):
                failed[at] = "InternalError"
                continue
            copies = 1 + self._chance.happens(self.odds.duplicate)
            if self._may_drop(queue_url) and self._chance.happens(self.odds.drop):
                copies = 0
            if not self._is_played(queue_url):
                copies = 0
            for _ in range(copies):
                self._put(queue_url, body)
        return failed

    def receive(self, queue_url: str, *, wait_seconds: int, max_count: int = 10) -> tuple[Received, ...]:
        assert wait_seconds >= 0
        messages: list[Message] = []
        while len(messages) < max_count and (ready := self._ready(queue_url)):
            message = self._chance.pick(ready) if self.odds.delay else ready[0]
            message.receives += 1
            message.visible_at = self._now() + VISIBILITY
            messages.append(message)
        return tuple(
            Received(body=one.body, message_id=one.id, handle=one.id, receive_count=one.receives) for one in messages
        )

    def postpone(self, queue_url: str, handles: Sequence[str], *, seconds: int) -> None:
        for message in self._queues.get(queue_url, []):
            if message.id in handles:
                message.visible_at = self._now() + timedelta(seconds=seconds)

    def count(self, queue_url: str) -> int:
        return len(self._queues.get(queue_url, []))

    def count_waiting(self, queue_url: str) -> int:
        return self.ready_count(queue_url)

    def delete(self, queue_url: str, handles: Sequence[str]) -> None:
        kept = self._queues.get(queue_url, [])
        self._queues[queue_url] = [one for one in kept if one.id not in handles]

    # ------------------------------------------------------------ for the scheduler
    def ready_count(self, queue_url: str) -> int:
        return len(self._ready(queue_url))

    def next_visible_at(self) -> datetime | None:
        return min((one.visible_at for kept in self._queues.values() for one in kept), default=None)

    def lose_all(self, queue_url: str) -> int:
        """The queue's engine lost what it held."""
        return len(self._queues.pop(queue_url, ()))

    def _put(self, queue_url: str, body: str) -> None:
        delay = (
            timedelta(seconds=self._chance.between(1, 300)) if self._chance.happens(self.odds.delay) else timedelta()
        )
        message = Message(id=self._chance.new_id("msg"), body=body, visible_at=self._now() + delay)
        self._queues.setdefault(queue_url, []).append(message)

    def _ready(self, queue_url: str) -> list[Message]:
        now, ready = self._now(), []
        for message in list(self._queues.get(queue_url, ())):
            if message.visible_at > now:
                continue
            if message.receives >= MAX_RECEIVES:
                self._queues[queue_url].remove(message)
                self.dead.setdefault(queue_url, []).append(message)
            else:
                ready.append(message)
        return ready
