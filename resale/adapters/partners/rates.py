"""The rate at which one worker calls one partner for one tenant: a leaky bucket that its processes share."""

from typing import Final

import msgspec
from pyrate_limiter import GCRA, Duration, Limiter, Rate, SingleBucketFactory, StateBucket, StateStore, WallClock
from pyrate_limiter.abstracts.algorithm import Decision, State, StateAlgorithm

from resale.adapters.partners.shared import SharedRecord

_STEP_MS: Final = 1  # added to each wait, whose exact end would be too early by a rounding
_CLOCK_SLACK_MS: Final = 10_000  # a limiter's own moments lag by less; more than this and the clock was set back


class RateRecord(msgspec.Struct, kw_only=True):
    """The bucket as it was at ``at_ms``; empty before the first call."""

    at_ms: int = 0
    state: tuple[int | float, ...] = ()


class SharedStateStore(StateStore):
    """Keeps a bucket in a shared record. The clock is the machine's: a monotonic one begins anew when it starts."""

    default_clock = WallClock()

    def __init__(self, record: SharedRecord[RateRecord]) -> None:
        self._record = record

    def check(self, algorithm: StateAlgorithm, rates: list[Rate], now: int, weight: int) -> Decision:
        """Let one call pass, or say how long it must wait, while no other process looks."""
        with self._record.changing() as record:
            record.state, decision = algorithm.step(rates, _state_of(record, algorithm, rates, now), now, weight)
            record.at_ms = now
            return decision

    def read(self, algorithm: StateAlgorithm, rates: list[Rate]) -> State:
        """Say how full it is."""
        record = self._record.read()
        return _state_of(record, algorithm, rates, record.at_ms)

    def reset(self) -> None:
        """Empty it."""
        with self._record.changing() as record:
            record.state = ()


class CallRate:
    """At most so many calls in any second, evenly spaced."""

    def __init__(self, record: SharedRecord[RateRecord], *, calls_per_second: int) -> None:
        rate = Rate(calls_per_second, Duration.SECOND, burst=1)
        bucket = StateBucket([rate], GCRA(), SharedStateStore(record))
        # Nothing leaks from a bucket of one number, so the library's thread for that is not needed.
        self._limiter = Limiter(SingleBucketFactory(bucket, schedule_leak=False), buffer_ms=_STEP_MS)

    def take(self, *, wait_seconds: float) -> bool:
        """Wait until a call may be made; False when that is not within ``wait_seconds``. Raises OSError."""
        return bool(self._limiter.try_acquire(timeout=max(0.0, wait_seconds)))


def _state_of(record: RateRecord, algorithm: StateAlgorithm, rates: list[Rate], now: int) -> State:
    set_back = record.at_ms - now > _CLOCK_SLACK_MS
    return algorithm.initial(rates) if set_back or len(record.state) != len(rates) else record.state
