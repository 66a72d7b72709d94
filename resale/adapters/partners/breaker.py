"""A circuit breaker that the processes of one worker share through a file.

The record is read and written under its lock, and the lock is held for microseconds, never for as long as a partner
takes to respond. Why processes share one, and why no library decides: docs/decisions/0033.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from resale.adapters.partners.rules import GuardRules
from resale.adapters.partners.shared_files import SharedRecord, free_lock, take_lock
from resale.domain.connections import ConnectionStatus, Observation
from resale.domain.partners import PartnerPaused, PartnerUnavailable

#: The wall clock: breakers know no test clock, as partners have none.
Clock = Callable[[], datetime]

_NEVER: Final = datetime.fromtimestamp(0, UTC)
_PROBE_RETRY_SECONDS: Final = 1
_DOUBLINGS_MAX: Final = 16


class BreakerState(StrEnum):
    """Closed: calls are sent. Open: none is. Half open: one call probes whether the partner responds again."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class BreakerRecord(msgspec.Struct, kw_only=True):
    """A breaker as it is stored. ``since``: when it opened or closed; ``paused_at``: when its last pause started."""

    state: BreakerState = BreakerState.CLOSED
    since: datetime = _NEVER
    failures: int = 0  # unknown outcomes in a row
    pauses: int = 0  # since it opened; each is twice as long as the one before
    paused_at: datetime = _NEVER
    reason_code: str | None = None


class Breaker:
    """The breaker of one connection of one tenant."""

    def __init__(self, folder: Path, *, rules: GuardRules, clock: Clock) -> None:
        self._record = SharedRecord(folder / "breaker", BreakerRecord)
        self._probe = (folder / "probe",)
        self._rules = rules
        self._clock = clock

    def refuse_if_open(self) -> None:
        """Raise PartnerPaused while the breaker is open, before a call waits for a place. Raises OSError."""
        self._refuse(self._record.read())

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Admit a call: any while the breaker is closed, a single one when a probe is due.

        Raises:
            PartnerPaused: The breaker is open, or another call is the probe.
            OSError: The record cannot be used.
        """
        if self._record.read().state is BreakerState.CLOSED:
            yield
            return
        lock = take_lock(self._probe, wait_seconds=0)
        if lock is None:
            raise PartnerPaused("Another call tries this partner.", retry_after_seconds=_PROBE_RETRY_SECONDS)
        try:
            self._begin_probe()
            yield
        finally:
            free_lock(lock)

    def note(self, failure: PartnerUnavailable | None) -> Observation | None:
        """Record the outcome of a call: ``failure`` if it is unknown, None for any response.

        Returns:
            The breaker's new state, when this call opened or closed it.

        Raises:
            OSError: The record cannot be used.
        """
        with self._record.changing() as record:
            before = record.state
            if before is BreakerState.OPEN:
                return None  # a call from before it opened
            if failure is None:
                self._close(record)
            else:
                record.failures += 1
                record.reason_code = failure.code
                if before is BreakerState.HALF_OPEN or record.failures >= self._rules.failures:
                    self._open(record)
            changed = (before is BreakerState.CLOSED) != (record.state is BreakerState.CLOSED)
            return _observation(record) if changed else None

    def observe(self) -> Observation:
        """Return the breaker's state. Raises OSError."""
        return _observation(self._record.read())

    def adopt(self, seen: Observation) -> None:
        """Take over the state that another worker recorded, if it is newer. Raises OSError."""
        with self._record.changing() as record:
            if seen.since <= record.since:
                return
            if seen.status == ConnectionStatus.CLOSED:
                self._close(record)
            elif record.state is BreakerState.CLOSED:
                self._open(record)
                record.failures, record.reason_code = seen.failures, seen.reason_code
            record.since = seen.since

    def _begin_probe(self) -> None:
        with self._record.changing() as record:
            self._refuse(record)  # a probe that has just ended may have failed
            if record.state is BreakerState.OPEN:
                record.state = BreakerState.HALF_OPEN

    def _refuse(self, record: BreakerRecord) -> None:
        if record.state is not BreakerState.OPEN:
            return
        left = (record.paused_at + timedelta(seconds=self._pause_seconds(record)) - self._clock()).total_seconds()
        if left > 0:
            raise PartnerPaused(
                "Calls to this partner are paused, because too many of them failed.",
                retry_after_seconds=math.ceil(left),
            )

    def _pause_seconds(self, record: BreakerRecord) -> float:
        doublings = min(max(record.pauses - 1, 0), _DOUBLINGS_MAX)
        return min(math.ldexp(self._rules.pause_seconds, doublings), self._rules.pause_max_seconds)

    def _open(self, record: BreakerRecord) -> None:
        now = self._clock()
        if record.state is BreakerState.CLOSED:
            record.since = now
        record.state, record.paused_at = BreakerState.OPEN, now
        record.pauses += 1

    def _close(self, record: BreakerRecord) -> None:
        if record.state is not BreakerState.CLOSED:
            record.since = self._clock()
        record.state = BreakerState.CLOSED
        record.failures, record.pauses, record.reason_code = 0, 0, None


def _observation(record: BreakerRecord) -> Observation:
    if record.state is BreakerState.CLOSED:
        return Observation(status=ConnectionStatus.CLOSED, since=record.since)
    return Observation(
        status=ConnectionStatus.OPEN,
        since=record.since,
        failures=record.failures,
        reason_code=record.reason_code,
    )
