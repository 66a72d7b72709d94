"""A circuit breaker that the processes of one worker share, and that pybreaker decides.

pybreaker's own ``call`` holds a lock for as long as the partner takes to answer, so outcomes are only reported to it:
a machine is made around the shared record, told one outcome, and dropped.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from pybreaker import STATE_CLOSED, STATE_OPEN, CircuitBreaker, CircuitBreakerStorage

from resale.adapters.partners.rules import GuardRules
from resale.adapters.partners.shared import SharedRecord, free_lock, take_lock
from resale.domain.connections import ConnectionStatus, Observation
from resale.domain.partners import PartnerPaused, PartnerUnavailable

#: The wall clock: breakers know no test clock, as partners have none.
Clock = Callable[[], datetime]

_NEVER: Final = datetime.fromtimestamp(0, UTC)
_PROBED_AGAIN_SECONDS: Final = 1
_DOUBLINGS_MAX: Final = 16


class BreakerRecord(msgspec.Struct, kw_only=True):
    """A breaker as it is kept. ``since``: when it was opened or closed; ``opened_at``: the last probe that failed."""

    state: str = STATE_CLOSED
    since: datetime = _NEVER
    failures: int = 0
    successes: int = 0
    openings: int = 0
    opened_at: datetime = _NEVER
    reason_code: str | None = None


class Breaker:
    """The breaker of one tenant's one connection."""

    def __init__(self, folder: Path, *, rules: GuardRules, clock: Clock) -> None:
        self._record = SharedRecord(folder / "breaker", BreakerRecord)
        self._probe = (folder / "probe",)
        self._rules = rules
        self._clock = clock

    def refuse_if_open(self) -> None:
        """Spare a call the wait for a place. Raises PartnerPaused while it is open, OSError."""
        self._refuse(self._record.read())

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Let a call through: any while it is closed, one at a time when a probe is due.

        Raises:
            PartnerPaused: It is open, or another call probes.
            OSError: The record cannot be used.
        """
        if self._record.read().state == STATE_CLOSED:
            yield
            return
        lock = take_lock(self._probe, wait_seconds=0)
        if lock is None:
            raise PartnerPaused("Another call tries this partner.", retry_after_seconds=_PROBED_AGAIN_SECONDS)
        try:
            self._begin_probe()
            yield
        finally:
            free_lock(lock)

    def note(self, failure: PartnerUnavailable | None) -> Observation | None:
        """Count the outcome of a call: an unknown one, or any answer.

        Returns:
            What it is now, when this opened or closed it.

        Raises:
            OSError: The record cannot be used.
        """
        with self._record.changing() as record:
            was = record.state
            if was == STATE_OPEN:
                return None  # a call from before it opened: that is decided
            if failure is not None:
                record.reason_code = failure.code
            with suppress(PartnerUnavailable):  # ours, raised below only for pybreaker to see
                self._machine(record).call(_report, failure)
            changed = (was == STATE_CLOSED) != (record.state == STATE_CLOSED)
            return _observed(record) if changed else None

    def observe(self) -> Observation:
        """Say what it is. Raises OSError."""
        return _observed(self._record.read())

    def adopt(self, seen: Observation) -> None:
        """Take over what another worker saw, when that is newer. Raises OSError."""
        with self._record.changing() as record:
            if seen.since <= record.since:
                return
            machine = self._machine(record)
            if seen.status == ConnectionStatus.CLOSED:
                machine.close()
            elif record.state == STATE_CLOSED:
                machine.open()
                record.failures, record.reason_code = seen.failures, seen.reason_code
            record.since = seen.since

    def _begin_probe(self) -> None:
        with self._record.changing() as record:
            self._refuse(record)  # whoever probed a moment ago may have settled it
            if record.state == STATE_OPEN:
                self._machine(record).half_open()

    def _refuse(self, record: BreakerRecord) -> None:
        if record.state != STATE_OPEN:
            return
        left = (record.opened_at + timedelta(seconds=self._pause_seconds(record)) - self._clock()).total_seconds()
        if left > 0:
            raise PartnerPaused("This partner fails too often to be asked now.", retry_after_seconds=math.ceil(left))

    def _pause_seconds(self, record: BreakerRecord) -> float:
        doublings = min(max(record.openings - 1, 0), _DOUBLINGS_MAX)
        return min(math.ldexp(self._rules.pause_seconds, doublings), self._rules.pause_max_seconds)

    def _machine(self, record: BreakerRecord) -> CircuitBreaker:
        return CircuitBreaker(
            fail_max=self._rules.failures,
            state_storage=_RecordStorage(record, self._clock),
            throw_new_error_on_trip=False,
        )


class _RecordStorage(CircuitBreakerStorage):
    """Where pybreaker keeps what it knows: the record at hand. Moments are by our clock."""

    def __init__(self, record: BreakerRecord, clock: Clock) -> None:
        super().__init__("record")
        self._record = record
        self._clock = clock

    @property
    def state(self) -> str:
        """Where it is."""
        return self._record.state

    @state.setter
    def state(self, state: str) -> None:
        """Go elsewhere; between half-open and open nothing begins."""
        if (state == STATE_CLOSED) != (self._record.state == STATE_CLOSED):
            self._record.since = self._clock()
        if state == STATE_CLOSED:
            self._record.openings, self._record.reason_code = 0, None
        self._record.state = state

    @property
    def counter(self) -> int:
        """Failures in a row."""
        return self._record.failures

    def increment_counter(self) -> None:
        """Count a failure."""
        self._record.failures += 1

    def reset_counter(self) -> None:
        """Begin to count again."""
        self._record.failures = 0

    @property
    def success_counter(self) -> int:
        """Probes in a row that were answered."""
        return self._record.successes

    def increment_success_counter(self) -> None:
        """Count such a probe."""
        self._record.successes += 1

    def reset_success_counter(self) -> None:
        """Begin to count again."""
        self._record.successes = 0

    @property
    def opened_at(self) -> datetime | None:
        """When the pause began."""
        return self._record.opened_at

    @opened_at.setter
    def opened_at(self, _at: datetime) -> None:
        """Begin a pause, each longer than the one before."""
        self._record.opened_at = self._clock()
        self._record.openings += 1


def _report(failure: PartnerUnavailable | None) -> None:
    if failure is not None:
        raise failure


def _observed(record: BreakerRecord) -> Observation:
    if record.state == STATE_CLOSED:
        return Observation(status=ConnectionStatus.CLOSED, since=record.since)
    return Observation(
        status=ConnectionStatus.OPEN,
        since=record.since,
        failures=record.failures,
        reason_code=record.reason_code,
    )
