"""How far a test clock goes: forward only, within its bounds, and never short of where it was sent."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec import UNSET

from resale.domain.clocks import (
    MAX_AHEAD,
    MAX_STEP,
    ClockAdvance,
    ClockBackwards,
    ClockTooFar,
    NewClock,
    first_offset,
    next_offset,
)
from resale.errors import Invalid
from tests.unit.builders import NOW, a_clock

DAY = 86_400
MOST_SECONDS = int(MAX_AHEAD.total_seconds())


class TestFirstOffset:
    def test_is_none_without_a_moment(self) -> None:
        assert first_offset(NewClock(), wall_now=NOW) == 0

    def test_reaches_the_moment_and_stays_within_a_second_of_it(self) -> None:
        moment = NOW + timedelta(days=3, milliseconds=1)
        ahead = timedelta(seconds=first_offset(NewClock(now=moment), wall_now=NOW))
        assert moment <= NOW + ahead < moment + timedelta(seconds=1)

    @pytest.mark.parametrize("early", [timedelta(0), timedelta(microseconds=1), timedelta(days=9000)])
    def test_refuses_what_is_past(self, early: timedelta) -> None:
        with pytest.raises(ClockBackwards):
            first_offset(NewClock(now=NOW - early), wall_now=NOW)

    def test_goes_no_further_than_one_call_may(self) -> None:
        assert first_offset(NewClock(now=NOW + MAX_STEP), wall_now=NOW) == 400 * DAY
        with pytest.raises(ClockTooFar):
            first_offset(NewClock(now=NOW + MAX_STEP + timedelta(microseconds=1)), wall_now=NOW)

    def test_a_moment_is_one_in_every_time_zone(self) -> None:
        moment = (NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=-12)))
        assert first_offset(NewClock(now=moment), wall_now=NOW) == 3600

    @pytest.mark.parametrize(
        ("moment", "refusal"),
        [
            (datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))), ClockTooFar),
            (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), ClockBackwards),
        ],
    )
    def test_the_ends_of_the_calendar_are_refused_like_any_other(
        self, moment: datetime, refusal: type[Exception]
    ) -> None:
        with pytest.raises(refusal):
            first_offset(NewClock(now=moment), wall_now=NOW)


class TestNextOffset:
    def test_seconds_add_up(self) -> None:
        assert next_offset(a_clock(offset_seconds=DAY), ClockAdvance(seconds=60), wall_now=NOW) == DAY + 60

    def test_a_moment_is_the_clocks_own_and_not_the_walls(self) -> None:
        clock = a_clock(offset_seconds=DAY)
        assert next_offset(clock, ClockAdvance(to=NOW + timedelta(days=2)), wall_now=NOW) == 2 * DAY
        with pytest.raises(ClockBackwards):
            next_offset(clock, ClockAdvance(to=NOW + timedelta(days=1)), wall_now=NOW)

    def test_a_call_counts_from_what_the_clock_shows(self) -> None:
        clock = a_clock(offset_seconds=100 * DAY)
        assert next_offset(clock, ClockAdvance(to=NOW + timedelta(days=500)), wall_now=NOW) == 500 * DAY
        with pytest.raises(ClockTooFar):
            next_offset(clock, ClockAdvance(to=NOW + timedelta(days=501)), wall_now=NOW)

    @pytest.mark.parametrize("by_seconds", [True, False])
    def test_all_calls_together_go_ten_years(self, by_seconds: bool) -> None:  # noqa: FBT001 - pytest gives it
        clock = a_clock(offset_seconds=MOST_SECONDS - DAY)

        def advance(seconds: int) -> ClockAdvance:
            to = UNSET if by_seconds else NOW + timedelta(seconds=clock.offset_seconds + seconds)
            return ClockAdvance(to=to, seconds=seconds if by_seconds else UNSET)

        assert next_offset(clock, advance(DAY), wall_now=NOW) == MOST_SECONDS
        with pytest.raises(ClockTooFar):
            next_offset(clock, advance(DAY + 1), wall_now=NOW)

    @pytest.mark.parametrize(
        ("advance", "pointer"), [(ClockAdvance(), "/to"), (ClockAdvance(to=NOW, seconds=1), "/seconds")]
    )
    def test_takes_one_of_the_two(self, advance: ClockAdvance, pointer: str) -> None:
        with pytest.raises(Invalid) as refused:
            next_offset(a_clock(), advance, wall_now=NOW)
        assert [error.pointer for error in refused.value.errors] == [pointer]


class TestClock:
    def test_shows_the_wall_clock_and_its_offset(self) -> None:
        assert a_clock(offset_seconds=90).time_at(NOW) == NOW + timedelta(seconds=90)
        assert a_clock().time_at(NOW).tzinfo == UTC
