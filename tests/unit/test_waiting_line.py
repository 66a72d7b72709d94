"""Buyers of a hot listing are let in by the time at which they came, and nobody who stays away holds up the others."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.hot_listings.line import (
    GRACE_SECONDS,
    MAX_RETRY_SECONDS,
    SWEEP_SECONDS,
    Turn,
    WaitingLine,
)
from tests.fixtures.shares import Hand

AT_ONCE = 2
LISTING = ("ten_1", "lst_1")


class Drop:
    """A line with a clock that a test turns; buyers are named by the moment at which they came."""

    def __init__(self, **options: int) -> None:
        self.clock = Hand()
        self.line = WaitingLine(clock=self.clock, **{"at_once": AT_ONCE, **options})

    def come(self, moment: int, *, key: object = LISTING, is_hot: bool = True, again_at: int | None = None) -> Turn:
        arrived_ms = moment if again_at is None else again_at
        return self.line.enter(
            key, f"buyer-{moment}", arrived_ms=arrived_ms, now_ms=int(self.clock() * 1000), is_hot=is_hot
        )

    def position(self, moment: int) -> int:
        return self.come(moment).position

    def end(self, moment: int) -> None:
        self.line.leave(LISTING, f"buyer-{moment}")


@pytest.fixture
def drop() -> Drop:
    return Drop()


@pytest.fixture
def full(drop: Drop) -> Drop:
    """Two attempts run, three buyers wait."""
    assert [drop.position(moment) for moment in range(1, 6)] == [0, 0, 1, 2, 3]
    return drop


class TestOrder:
    def test_who_came_first_is_first(self, full: Drop) -> None:
        full.end(1)
        assert [full.position(moment) for moment in (5, 4, 3)] == [3, 2, 0]

    def test_a_newcomer_passes_nobody(self, full: Drop) -> None:
        full.end(1)
        assert full.position(9) == 4
        assert full.position(3) == 0

    def test_two_free_places_are_for_the_first_two(self, full: Drop) -> None:
        full.end(1)
        full.end(2)
        assert [full.position(moment) for moment in (5, 4, 3)] == [3, 0, 0]

    def test_a_buyer_keeps_the_place_without_a_ticket(self, full: Drop) -> None:
        assert full.come(3, again_at=99) == Turn(position=1, arrived_ms=3)

    def test_a_ticket_of_another_process_brings_its_place(self, full: Drop) -> None:
        assert full.come(0).position == 1
        assert full.position(3) == 2

    def test_two_who_came_at_once_have_an_order(self, drop: Drop) -> None:
        for buyer in "abcd":
            drop.line.enter(LISTING, buyer, arrived_ms=7, now_ms=7, is_hot=True)
        again = [drop.line.enter(LISTING, buyer, arrived_ms=7, now_ms=9, is_hot=True) for buyer in "cd"]
        assert [turn.position for turn in again] == [1, 2]

    def test_a_buyer_runs_one_attempt_at_a_time(self, drop: Drop) -> None:
        assert [drop.position(1), drop.position(1), drop.position(2)] == [0, 1, 0]
        drop.end(1)
        assert drop.position(1) == 0

    def test_listings_have_lines_of_their_own(self, full: Drop) -> None:
        assert full.come(6, key=("ten_1", "lst_2")).position == 0
        assert full.come(6, key=("ten_2", "lst_1")).position == 0


class TestAbsence:
    def test_who_is_late_holds_up_nobody(self, full: Drop) -> None:
        full.end(1)
        full.clock.forward(1 + GRACE_SECONDS)
        assert full.position(5) == 0

    def test_who_is_in_time_is_waited_for(self, full: Drop) -> None:
        full.end(1)
        full.clock.forward(1 + GRACE_SECONDS - 0.1)
        assert full.position(5) == 3

    def test_who_is_late_keeps_the_place_and_is_waited_for_no_more(self, full: Drop) -> None:
        full.clock.forward(1 + GRACE_SECONDS)
        assert full.position(9) == 1
        assert [full.position(3), full.position(9)] == [1, 1]
        full.end(1)
        assert full.position(3) == 0

    def test_two_buyers_cannot_hold_up_a_line_again_and_again(self, full: Drop) -> None:
        for moment in (1, 2):
            full.end(moment)
        assert [full.position(moment) for moment in (3, 4)] == [0, 0]
        for moment in (3, 4):
            full.end(moment)  # their attempts failed, as they wanted
        assert [full.position(moment) for moment in (5, 6)] == [0, 0]
        assert [full.position(moment) for moment in (7, 3, 4)] == [1, 2, 3]  # by tickets that hold 3 and 4
        full.end(5)
        assert full.position(7) == 0


class TestQuiet:
    def test_nobody_waits_while_few_come(self, drop: Drop) -> None:
        assert [drop.come(moment, is_hot=False).position for moment in range(8)] == [0] * 8

    def test_but_nobody_is_passed_either(self, full: Drop) -> None:
        assert full.come(9, is_hot=False).position == 4
        full.clock.forward(60)
        assert full.come(9, is_hot=False).position == 0

    def test_leaves_nothing_behind(self, full: Drop) -> None:
        for moment in (1, 2):
            full.end(moment)
        full.clock.forward(max(60, SWEEP_SECONDS))
        full.come(1, key="another")
        full.line.leave("another", "buyer-1")
        assert (full.line.waiting_count, full.line.line_count) == (0, 0)


class TestRetryAfter:
    def test_grows_with_the_position_up_to_a_limit(self) -> None:
        assert [Turn(position=position, arrived_ms=0).retry_after_seconds for position in (1, 19, 20, 100, 10_000)] == [
            1,
            1,
            2,
            6,
            MAX_RETRY_SECONDS,
        ]


class TestBounds:
    def test_places_beyond_them_are_remembered_by_tickets_alone(self) -> None:
        drop = Drop(most_waiting=3)
        assert [drop.position(moment) for moment in range(1, 9)] == [0, 0, 1, 2, 3, 4, 4, 4]
        assert drop.line.waiting_count == 3
        drop.end(1)
        assert drop.position(8) == 4
        assert drop.position(3) == 0


class TestAnyOrderOfEvents:
    @given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from([0.0, 0.5, 4.0])), max_size=60))
    def test_no_more_run_than_can_and_nobody_present_is_passed(self, events: list[tuple[int, bool, float]]) -> None:
        drop, running = Drop(), set[int]()
        waiting = dict[int, tuple[int, float]]()  # the place of each, and until when it is held
        late = set[int]()
        for moment, ends, seconds in events:
            drop.clock.forward(seconds)
            if ends and moment in running:
                drop.end(moment)
                running.remove(moment)
                continue
            turn, now = drop.come(moment), drop.clock()
            if turn.position == 0:
                present = [one for one, (at, until) in waiting.items() if at < turn.arrived_ms and now < until]
                assert len(running) + len(present) < AT_ONCE
                assert moment not in running
                running.add(moment)
                waiting.pop(moment, None)
            elif moment not in running:
                late |= {one for one, (_, until) in waiting.items() if now >= until}
                until = 0 if moment in late else now + turn.retry_after_seconds + GRACE_SECONDS
                waiting[moment] = (turn.arrived_ms, until)
            assert len(running) <= AT_ONCE

    def test_threads(self) -> None:
        drop, lock, barrier = Drop(), Lock(), Barrier(16)
        most, running, done = 0, 0, Counter[int]()

        def buy(moment: int) -> None:
            nonlocal most, running
            barrier.wait(timeout=30)
            while drop.position(moment):
                pass
            with lock:
                running += 1
                most = max(most, running)
            with lock:
                running -= 1
                done[moment] += 1
            drop.end(moment)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(buy, random.Random(3).sample(range(16), 16)))  # noqa: S311 - a reproducible order
        assert most <= AT_ONCE
        assert done == Counter(range(16))
        assert (drop.line.waiting_count, drop.line.line_count) == (0, 0)
