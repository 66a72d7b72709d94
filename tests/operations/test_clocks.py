"""Operations on a test clock, on the real engine: each error, lost race, wrong tenant, and the live tenant."""

from datetime import timedelta

import msgspec
import pytest

from resale.application.operations.clocks import advance_test_clock, create_test_clock
from resale.application.queries.clocks import get_test_clock, list_test_clocks
from resale.application.reactions import tasks_after
from resale.domain.access import Principal, Role
from resale.domain.changes import ChangeType
from resale.domain.clocks import (
    Clock,
    ClockAdvance,
    ClockBackwards,
    ClockChanged,
    ClockExists,
    ClockNotFound,
    ClockTooFar,
    NewClock,
    SandboxOnly,
)
from resale.errors import Forbidden, Invalid
from tests.operations.world import BRAND, World, later
from tests.unit.builders import CLOCK, NOW

pytestmark = pytest.mark.usefixtures("no_clock_left")

WEEK = 7 * 86_400
OTHERS = [Principal(standing=role) for role in Role if role != Role.BRAND]


def create(world: World, *, ahead_seconds: float = 0) -> Clock:
    new = NewClock(now=later(ahead_seconds)) if ahead_seconds else NewClock()
    return create_test_clock(world.uow(principal=BRAND), new=new, wall_now=NOW)


def advance(world: World, clock: Clock, *, seconds: int = WEEK, expected_version: int | None = None) -> Clock:
    return advance_test_clock(
        world.uow(principal=BRAND, expected_version=expected_version),
        clock_id=clock.id,
        advance=ClockAdvance(seconds=seconds),
        wall_now=NOW,
    )


@pytest.fixture
def live(world: World) -> World:
    """The same tenant, if it were live: its tables are there, and hold a test clock."""
    create(world)
    return World(world.container, msgspec.structs.replace(world.tenant, sandbox=False))


class TestCreateTestClock:
    def test_shows_the_wall_clock_or_runs_ahead_from_a_moment(self, world: World, other_world: World) -> None:
        assert create(world).offset_seconds == 0
        assert create(other_world, ahead_seconds=WEEK).time_at(NOW) == later(WEEK)

    def test_is_read_back_as_it_was_made(self, world: World) -> None:
        assert world.reader.find_test_clock() is None
        assert create(world) == world.reader.find_test_clock()

    def test_there_is_no_second(self, world: World) -> None:
        first = create(world)
        with pytest.raises(ClockExists):
            create(world)
        assert world.reader.find_test_clock() == first

    def test_of_two_at_once_the_slower_is_told_so(self, world: World) -> None:
        slow = world.uow()
        assert slow.clocks.find() is None
        create(world)
        made = Clock(id=CLOCK, version=1, created_at=NOW, updated_at=NOW)
        slow.clocks.add(made, change_type=ChangeType.TEST_CLOCK_CREATED)
        with pytest.raises(ClockChanged):
            slow.commit()

    def test_refuses_moments_behind_and_far_ahead(self, world: World) -> None:
        with pytest.raises(ClockBackwards):
            create(world, ahead_seconds=-1)
        with pytest.raises(ClockTooFar):
            create(world, ahead_seconds=401 * 86_400)
        assert world.reader.find_test_clock() is None

    @pytest.mark.parametrize("principal", OTHERS, ids=lambda one: one.standing)
    def test_is_the_brands(self, world: World, principal: Principal) -> None:
        with pytest.raises(Forbidden):
            create_test_clock(world.uow(principal=principal), new=NewClock(), wall_now=NOW)


class TestAdvanceTestClock:
    def test_adds_up_and_keeps_the_time_it_was_moved_at(self, world: World) -> None:
        clock = create(world, ahead_seconds=60)
        moved = advance(world, advance(world, clock))
        assert (moved.version, moved.offset_seconds) == (3, 60 + 2 * WEEK)
        assert (moved.created_at, moved.updated_at) == (NOW, later(60 + WEEK))
        assert moved == world.reader.find_test_clock()

    def test_goes_to_a_moment(self, world: World) -> None:
        clock = create(world)
        moved = advance_test_clock(
            world.uow(principal=BRAND), clock_id=clock.id, advance=ClockAdvance(to=later(WEEK)), wall_now=NOW
        )
        assert moved.time_at(NOW) == later(WEEK)

    def test_refuses_to_go_back_or_too_far_or_nowhere(self, world: World) -> None:
        clock = create(world, ahead_seconds=WEEK)
        for refused, said in (
            (ClockAdvance(to=later(WEEK)), ClockBackwards),
            (ClockAdvance(to=later(WEEK) + timedelta(days=401)), ClockTooFar),
            (ClockAdvance(), Invalid),
        ):
            with pytest.raises(said):
                advance_test_clock(world.uow(principal=BRAND), clock_id=clock.id, advance=refused, wall_now=NOW)
        assert world.reader.find_test_clock() == clock

    def test_another_version_than_the_one_meant_is_a_conflict(self, world: World) -> None:
        clock = create(world)
        advance(world, clock, expected_version=1)
        with pytest.raises(ClockChanged):
            advance(world, clock, expected_version=1)

    def test_a_race_lost_at_the_commit_moves_it_once(self, world: World) -> None:
        clock = create(world)
        slow = world.uow()
        read = slow.clocks.get(clock.id)
        advance(world, clock)
        slow.clocks.save(msgspec.structs.replace(read, offset_seconds=1), change_type=ChangeType.TEST_CLOCK_ADVANCED)
        with pytest.raises(ClockChanged):
            slow.commit()
        assert world.uow().clocks.get(clock.id).offset_seconds == WEEK

    def test_none_of_this_id(self, world: World) -> None:
        with pytest.raises(ClockNotFound):
            advance(world, Clock(id=CLOCK, created_at=NOW, updated_at=NOW))
        create(world)
        with pytest.raises(ClockNotFound):
            advance(world, Clock(id=CLOCK, created_at=NOW, updated_at=NOW))

    @pytest.mark.parametrize("principal", OTHERS, ids=lambda one: one.standing)
    def test_is_the_brands(self, world: World, principal: Principal) -> None:
        clock = create(world)
        with pytest.raises(Forbidden):
            advance_test_clock(
                world.uow(principal=principal), clock_id=clock.id, advance=ClockAdvance(seconds=1), wall_now=NOW
            )

    @pytest.mark.parametrize("change_type", ["test_clock.created", "test_clock.advanced"])
    def test_what_is_due_by_then_is_woken(self, change_type: str) -> None:
        (task,) = tasks_after(change_type=change_type, entity_id=CLOCK, version=1)
        assert (task.name, task.kwargs) == ("clocks.sweep", {"clock_id": CLOCK})


class TestLookingAtIt:
    def test_the_brand_sees_the_time_it_shows(self, world: World) -> None:
        clock = create(world, ahead_seconds=WEEK)
        shown = get_test_clock(reader=world.reader, principal=BRAND, clock_id=clock.id, wall_now=later(5))
        assert (shown.id, shown.now, shown.offset_seconds) == (clock.id, later(WEEK + 5), WEEK)
        assert list_test_clocks(reader=world.reader, principal=BRAND, wall_now=later(5)).data == (shown,)

    def test_none_is_an_empty_list(self, world: World) -> None:
        assert list_test_clocks(reader=world.reader, principal=BRAND, wall_now=NOW).data == ()

    @pytest.mark.parametrize("principal", OTHERS, ids=lambda one: one.standing)
    def test_nobody_else_sees_it(self, world: World, principal: Principal) -> None:
        clock = create(world)
        assert list_test_clocks(reader=world.reader, principal=principal, wall_now=NOW).data == ()
        with pytest.raises(ClockNotFound):
            get_test_clock(reader=world.reader, principal=principal, clock_id=clock.id, wall_now=NOW)


class TestAnotherTenant:
    def test_has_neither_the_clock_nor_its_time(self, world: World, other_world: World) -> None:
        clock = create(world, ahead_seconds=WEEK)
        assert other_world.reader.find_test_clock() is None
        with pytest.raises(ClockNotFound):
            advance(other_world, clock)
        with pytest.raises(ClockNotFound):
            get_test_clock(reader=other_world.reader, principal=BRAND, clock_id=clock.id, wall_now=NOW)


class TestALiveTenant:
    def test_has_no_test_clock_even_where_one_lies(self, live: World) -> None:
        reader = live.reader
        with pytest.raises(SandboxOnly):
            reader.find_test_clock()
        with pytest.raises(SandboxOnly):
            list_test_clocks(reader=reader, principal=BRAND, wall_now=NOW)
        with pytest.raises(SandboxOnly):
            get_test_clock(reader=reader, principal=BRAND, clock_id=CLOCK, wall_now=NOW)

    def test_gets_none(self, live: World) -> None:
        with pytest.raises(SandboxOnly):
            create(live)
        with pytest.raises(SandboxOnly):
            advance(live, Clock(id=CLOCK, created_at=NOW, updated_at=NOW))
