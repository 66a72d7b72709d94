"""The waiting line for orders of a hot listing: who tries next, by the time at which each came."""

import bisect
import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple, TypeAlias

import msgspec

Clock: TypeAlias = Callable[[], float]

#: Attempts of one listing that a process runs at the same time. One of them wins; two, so that the next one follows at
#: once when the first fails for a reason of its own (a declined address, another price).
ATTEMPTS_AT_ONCE: Final = 2
#: Attempts a second that a place in the line expects of each process; an attempt takes 20 to 50 ms.
ADMITTED_PER_SECOND: Final = 20
MAX_RETRY_SECONDS: Final = 10
MOST_REMEMBERED: Final = 1_000  # buyers of a line who had their turn, and who were late
GRACE_SECONDS: Final = 2.0  # that a client can come later than it was asked to, before others pass
MOST_WAITING: Final = 10_000  # places in a process, about 4 MiB; beyond them only tickets remember
SWEEP_SECONDS: Final = 10.0


class Place(NamedTuple):
    """A place in a line: those who came earlier are first.

    Attributes:
        arrived_ms: Unix time in milliseconds at which the buyer came first, from the ticket.
        buyer: The buyer, so that two who came at once have an order.
    """

    arrived_ms: int
    buyer: str


class Turn(msgspec.Struct, frozen=True, gc=False):
    """The response to a buyer who comes: it is their turn (``position`` 0), or their place in this process's line."""

    position: int
    arrived_ms: int

    @property
    def retry_after_seconds(self) -> int:
        """Seconds after which the buyer comes back."""
        return min(1 + self.position // ADMITTED_PER_SECOND, MAX_RETRY_SECONDS)


class WaitingLine:
    """The lines of one process: attempts that run, and buyers who were asked to come back. Used by all threads.

    A buyer is admitted when fewer run and wait before them than can run at once. Nobody who came later passes a buyer,
    until they are ``GRACE_SECONDS`` later than they were asked to be. Whoever was that late keeps the place in the
    order, and nobody waits for them any more; whoever had a turn begins again at the end, whatever their ticket holds.
    So nobody can hold up a line twice. A buyer runs one attempt at a time.

    The time at which a buyer came is in their ticket, so the line survives a process, and each process lets those who
    came first go first. Processes do not know of each other's lines: the order is exact among those whom one process
    sees, and about right over all of them.
    """

    def __init__(
        self, *, at_once: int = ATTEMPTS_AT_ONCE, most_waiting: int = MOST_WAITING, clock: Clock = time.monotonic
    ) -> None:
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[Hashable, _Line] = {}
        self._waiting_count = 0
        self._sweep_at = clock() + SWEEP_SECONDS

    def enter(self, key: Hashable, buyer: str, *, arrived_ms: int, now_ms: int, is_hot: bool) -> Turn:
        """Begin an attempt, or take a place in the line.

        Args:
            key: Of the listing.
            buyer: Tells buyers apart.
            arrived_ms: When the buyer came: from their ticket, or now. An earlier time that is known here counts.
            now_ms: Now, Unix time in milliseconds.
            is_hot: Whether many come: without, everybody is admitted as long as nobody waits.

        Returns:
            With position 0 the attempt has begun, and ``leave`` ends it.
        """
        now = self._clock()
        with self._lock:
            if now >= self._sweep_at:
                self._sweep(now)
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = _Line()
            self._waiting_count -= line.drop_absent(now)
            place = line.find_place(buyer, arrived_ms, now_ms)
            ahead = line.count_before(place)
            is_running = buyer in line.running
            is_free = line.running_count + ahead < self._at_once and not is_running
            if is_free or not (is_hot or line.order):
                self._waiting_count -= line.begin(buyer, now_ms)
                return Turn(0, place.arrived_ms)
            turn = Turn(ahead + 1, place.arrived_ms)
            has_room = self._waiting_count < self._most_waiting or buyer in line.waiting
            if has_room and not is_running and buyer not in line.late:  # those would only hold up the others
                until = now + turn.retry_after_seconds + GRACE_SECONDS
                self._waiting_count += line.wait(place, until)
            return turn

    def leave(self, key: Hashable, buyer: str) -> None:
        """End an attempt that ``enter`` began."""
        with self._lock:
            line = self._lines[key]
            line.end(buyer)
            if line.is_empty:
                del self._lines[key]

    @property
    def waiting_count(self) -> int:
        """The number of places that this process remembers."""
        return self._waiting_count

    @property
    def line_count(self) -> int:
        """The number of listings with an attempt or a place."""
        return len(self._lines)

    def _sweep(self, now: float) -> None:
        """Forget those who came back to no line: the listing was sold, or they gave up."""
        self._sweep_at = now + SWEEP_SECONDS
        for key, line in list(self._lines.items()):
            self._waiting_count -= line.drop_all_absent(now)
            if line.is_empty:
                del self._lines[key]


class _Line:
    """The line of one listing."""

    __slots__ = ("late", "order", "running", "served", "waiting")

    def __init__(self) -> None:
        self.running: dict[str, int] = {}  # attempts by buyer
        self.waiting: dict[str, tuple[Place, float]] = {}  # place and the moment until which it is held, by buyer
        self.order: list[Place] = []  # of those who wait
        self.served: dict[str, int] = {}  # when their last turn began, Unix milliseconds, by buyer; the oldest first
        self.late: dict[str, int] = {}  # the moment of the place that they did not come back to, by buyer; likewise

    @property
    def running_count(self) -> int:
        return sum(self.running.values())

    @property
    def is_empty(self) -> bool:
        return not self.running and not self.waiting

    def find_place(self, buyer: str, arrived_ms: int, now_ms: int) -> Place:
        """Return the place of a buyer: the earliest one that is known since their last turn."""
        if arrived_ms <= self.served.get(buyer, -1):
            arrived_ms = now_ms
        found = self.waiting.get(buyer)
        return Place(arrived_ms if found is None else min(arrived_ms, found[0].arrived_ms), buyer)

    def count_before(self, place: Place) -> int:
        return bisect.bisect_left(self.order, place)

    def begin(self, buyer: str, now_ms: int) -> int:
        """Begin an attempt; return how many places were left."""
        _remember(self.served, buyer, now_ms)
        self.running[buyer] = self.running.get(buyer, 0) + 1
        return self._remove(buyer)

    def end(self, buyer: str) -> None:
        self.running[buyer] -= 1
        if not self.running[buyer]:
            del self.running[buyer]

    def wait(self, place: Place, until: float) -> int:
        """Hold a place until a moment; return how many places were added."""
        removed = self._remove(place.buyer)
        self.waiting[place.buyer] = (place, until)
        bisect.insort(self.order, place)
        return 1 - removed

    def drop_absent(self, now: float) -> int:
        """Drop those at the front who are late; return how many. Others behind them are in nobody's way."""
        count = 0
        while self.order and now >= self.waiting[self.order[0].buyer][1]:
            first = self.order[0]
            _remember(self.late, first.buyer, first.arrived_ms)
            self._remove(first.buyer)
            count += 1
        return count

    def drop_all_absent(self, now: float) -> int:
        late = [buyer for buyer, (_, until) in self.waiting.items() if now >= until]
        return sum(self._remove(buyer) for buyer in late)

    def _remove(self, buyer: str) -> int:
        found = self.waiting.pop(buyer, None)
        if found is None:
            return 0
        del self.order[bisect.bisect_left(self.order, found[0])]
        return 1


def _remember(known: dict[str, int], buyer: str, moment_ms: int) -> None:
    known.pop(buyer, None)
    known[buyer] = moment_ms
    if len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]
