"""Test clocks: the offset of a sandbox shop's time from the wall clock. It never stands still."""

from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.ids import ClockId
from resale.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Rejected

SCHEMA: Final = 1
MAX_STEP: Final = timedelta(days=400)  # in one call: a year and a claim's longest life
MAX_AHEAD: Final = timedelta(days=3650)  # in all: ten years
_SECOND: Final = timedelta(seconds=1)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=int(MAX_STEP.total_seconds()))]


class ClockNotFound(NotFound):
    """The tenant has no test clock."""

    code = "test_clock_not_found"
    title = "Test clock not found"
    default_detail = "This shop has no test clock. Create one first."


class ClockExists(Rejected):
    """The tenant already has a test clock."""

    code = "test_clock_exists"
    title = "Test clock exists"
    default_detail = "This shop already has a test clock. Advance that one."


class ClockBackwards(Rejected):
    """The new time is not after the time of the test clock."""

    code = "test_clock_backwards"
    title = "Test clock cannot go back"
    default_detail = "A test clock only moves forward. Send a later time than its current one."


class ClockTooFar(Rejected):
    """The new time is beyond the limits of a test clock."""

    code = "test_clock_too_far"
    title = "Test clock too far ahead"
    default_detail = "A test clock moves at most 400 days in one call, and at most ten years ahead in total."


class ClockChanged(Conflict):
    """Another writer changed the test clock first."""

    code = "test_clock_changed"
    title = "Test clock changed"
    default_detail = "Another request changed the test clock meanwhile. Read it again, then retry."


class SandboxOnly(Forbidden):
    """Only sandbox tenants have a test clock."""

    code = "sandbox_only"
    title = "Sandbox only"
    default_detail = "Only sandbox shops have a test clock. Live shops run on the current time."


class NewClock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of a new test clock. Without `now` it starts at the current time."""

    now: Moment | UnsetType = UNSET


class ClockAdvance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new time of a test clock: send exactly one of `to` and `seconds`."""

    to: Moment | UnsetType = UNSET
    seconds: Seconds | UnsetType = UNSET


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The test clock of a sandbox shop. Its own times are in its own time."""

    id: ClockId
    object: str = "test_clock"
    schema: int = SCHEMA
    status: str = "active"
    offset_seconds: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 0

    def time_at(self, wall_now: datetime) -> datetime:
        """Return the time of this clock at ``wall_now``."""
        return wall_now + timedelta(seconds=self.offset_seconds)


def first_offset(new: NewClock, *, wall_now: datetime) -> int:
    """Return the offset of a new clock in whole seconds.

    Raises:
        ClockBackwards: Before the wall clock.
        ClockTooFar: Beyond the bounds.
    """
    return 0 if new.now is UNSET else _offset_to(new.now, offset_seconds=0, wall_now=wall_now)


def next_offset(clock: Clock, advance: ClockAdvance, *, wall_now: datetime) -> int:
    """Return the offset of a clock after an advance, in whole seconds.

    Raises:
        Invalid: Both ``to`` and ``seconds``, or neither.
        ClockBackwards: ``to`` is not after what the clock shows.
        ClockTooFar: Beyond the bounds.
    """
    if advance.to is not UNSET and advance.seconds is not UNSET:
        raise _wrong("/seconds", "mutually_exclusive", "Send a time or a number of seconds, not both.")
    if advance.to is not UNSET:
        return _offset_to(advance.to, offset_seconds=clock.offset_seconds, wall_now=wall_now)
    if advance.seconds is UNSET:
        raise _wrong("/to", "required", "Send a time or a number of seconds.")
    return _check_offset(clock.offset_seconds + advance.seconds)


def _offset_to(to: datetime, *, offset_seconds: int, wall_now: datetime) -> int:
    """Return the offset at which ``to`` has come, rounded up."""
    ahead = to - wall_now
    if ahead <= timedelta(seconds=offset_seconds):
        raise ClockBackwards("A test clock only moves forward. Send a later time than its current one.")
    if ahead - timedelta(seconds=offset_seconds) > MAX_STEP:
        raise ClockTooFar(f"A test clock moves at most {MAX_STEP.days} days in one call.")
    return _check_offset(-(-ahead // _SECOND))


def _check_offset(offset_seconds: int) -> int:
    if offset_seconds > MAX_AHEAD.total_seconds():
        raise ClockTooFar(f"A test clock is at most {MAX_AHEAD.days} days ahead of the current time.")
    return offset_seconds


def _wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=(FieldError(pointer=pointer, code=code, detail=detail),))
