"""The test clock of a sandbox shop: created once, advanced. It is ahead of the current time (``wall_now``)."""

from datetime import datetime

import msgspec

from resale.application.operations.access import require_standing, require_version
from resale.application.ports import UnitOfWork
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.clocks import Clock, ClockAdvance, ClockExists, NewClock, first_offset, next_offset
from resale.domain.ids import CLOCK_ID, ClockId


def create_test_clock(uow: UnitOfWork, *, new: NewClock, wall_now: datetime) -> Clock:
    """Create the shop's test clock, which is the shop's time from now on.

    Shape: reads 1 item; commits 1 (``test_clock.created``).

    Args:
        uow: Fresh; committed here once.
        new: Where it begins.
        wall_now: Moment of the request by the wall clock, aware UTC.

    Returns:
        The clock.

    Raises:
        SandboxOnly: A live shop.
        Forbidden: Not the brand.
        ClockExists: There is one.
        ClockBackwards: ``now`` is before the wall clock.
        ClockTooFar: ``now`` is beyond the bounds.
        Conflict: Another request makes it at this moment; read again.
    """
    require_standing(uow, action=Action.MOVE_TEST_CLOCK, status="active")
    if uow.clocks.find() is not None:
        raise ClockExists("This shop already has a test clock. Advance that one.")
    offset_seconds = first_offset(new, wall_now=wall_now)
    clock = Clock(
        id=CLOCK_ID.new(uow.ids), version=1, offset_seconds=offset_seconds, created_at=wall_now, updated_at=wall_now
    )
    uow.clocks.add(clock, change_type=ChangeType.TEST_CLOCK_CREATED)
    uow.commit()
    return clock


def advance_test_clock(uow: UnitOfWork, *, clock_id: ClockId, advance: ClockAdvance, wall_now: datetime) -> Clock:
    """Advance the shop's time; everything that is due by then is woken (``test_clock.advanced``).

    Shape: reads 1 item; commits 1. Not idempotent: send If-Match to advance once.

    Args:
        uow: Fresh; committed here once.
        clock_id: Which.
        advance: Where to.
        wall_now: Moment of the request by the wall clock, aware UTC.

    Returns:
        The clock, further ahead.

    Raises:
        SandboxOnly: A live shop.
        Forbidden: Not the brand.
        ClockNotFound: None of this id.
        Invalid: Not exactly one of ``to`` and ``seconds``.
        ClockBackwards: It is that late there already.
        ClockTooFar: Beyond the bounds.
        Conflict: Another writer won, or the version is not the expected one.
    """
    require_standing(uow, action=Action.MOVE_TEST_CLOCK, status="active")
    clock = uow.clocks.get(clock_id)
    require_version(uow, entity=clock)
    moved = msgspec.structs.replace(
        clock,
        version=clock.version + 1,
        offset_seconds=next_offset(clock, advance, wall_now=wall_now),
        updated_at=clock.time_at(wall_now),
    )
    uow.clocks.save(moved, change_type=ChangeType.TEST_CLOCK_ADVANCED)
    uow.commit()
    return moved
