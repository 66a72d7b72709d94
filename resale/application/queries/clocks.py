"""A sandbox shop's test clock with its current time, as the brand sees it."""

from datetime import datetime

import msgspec

from resale.application.ports import Reader
from resale.domain.access import Action, Principal, permits
from resale.domain.clocks import Clock, ClockNotFound, Moment
from resale.domain.ids import ClockId


class ClockView(msgspec.Struct, frozen=True, kw_only=True):
    """A test clock. `now` is the shop's time, `offset_seconds` ahead of the current time; it does not stop."""

    id: ClockId
    object: str
    version: int
    now: Moment
    offset_seconds: int
    created_at: datetime
    updated_at: datetime


class ClockPage(msgspec.Struct, frozen=True, kw_only=True):
    """All test clocks of a shop: one, or none."""

    object: str = "list"
    data: tuple[ClockView, ...]
    has_more: bool = False
    next_cursor: str | None = None


def list_test_clocks(*, reader: Reader, principal: Principal, wall_now: datetime) -> ClockPage:
    """List the shop's test clocks, for the brand only.

    Shape: reads 1 item.

    Raises:
        SandboxOnly: A live shop.
    """
    clock = reader.find_test_clock()
    if clock is None or not _may_see(principal, clock):
        return ClockPage(data=())
    return ClockPage(data=(view_test_clock(clock, wall_now=wall_now),))


def get_test_clock(*, reader: Reader, principal: Principal, clock_id: ClockId, wall_now: datetime) -> ClockView:
    """Return the shop's test clock by its id.

    Shape: reads 1 item.

    Raises:
        SandboxOnly: A live shop.
        ClockNotFound: None of this id that the caller may see.
    """
    clock = reader.find_test_clock()
    if clock is None or clock.id != clock_id or not _may_see(principal, clock):
        raise ClockNotFound("This shop has no test clock. Create one first.")
    return view_test_clock(clock, wall_now=wall_now)


def view_test_clock(clock: Clock, *, wall_now: datetime) -> ClockView:
    """Return the view of a clock at a time of the wall clock."""
    return ClockView(
        id=clock.id,
        object=clock.object,
        version=clock.version,
        now=clock.time_at(wall_now),
        offset_seconds=clock.offset_seconds,
        created_at=clock.created_at,
        updated_at=clock.updated_at,
    )


def _may_see(principal: Principal, clock: Clock) -> bool:
    return permits(Action.MOVE_TEST_CLOCK, principal.standing, clock.status)
