"""A line gives threads to keys in turn, leaves some to the others, and starts everything that waits."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from apps.core.serving.fair_line import FairLine, Place

LOUD, QUIET, SHY = b"loud", b"quiet", b"shy"


def entered(line: FairLine[str], key: bytes, times: int) -> list[Place]:
    return [line.enter(key, f"{key.decode()} {number}") for number in range(times)]


class TestFairLine:
    def test_leaves_two_threads_to_others(self) -> None:
        line: FairLine[str] = FairLine(8)
        assert entered(line, LOUD, 7) == [Place.RUN] * 6 + [Place.WAIT]
        assert entered(line, QUIET, 3) == [Place.RUN] * 2 + [Place.WAIT]

    def test_a_free_thread_goes_to_the_next_key(self) -> None:
        line: FairLine[str] = FairLine(4)
        entered(line, LOUD, 8)
        entered(line, QUIET, 3)
        entered(line, SHY, 1)
        assert [line.leave(LOUD) for _ in range(2)] == ["loud 2", "shy 0"]
        assert [line.leave(QUIET) for _ in range(2)] == ["quiet 2", "loud 3"]

    def test_refuses_a_key_that_has_too_many_waiting(self) -> None:
        line: FairLine[str] = FairLine(4)
        assert entered(line, LOUD, 163) == [Place.RUN] * 2 + [Place.WAIT] * 160 + [Place.FULL]
        assert line.enter(QUIET, "") is Place.RUN

    def test_refuses_nobody_without_a_key(self) -> None:
        assert Place.FULL not in entered(FairLine(4), b"", 1000)

    def test_one_thread_is_for_everybody(self) -> None:
        line: FairLine[str] = FairLine(1)
        assert entered(line, LOUD, 2) == [Place.RUN, Place.WAIT]
        assert line.leave(LOUD) == "loud 1"
        assert line.leave(LOUD) is None

    @given(
        st.integers(1, 9),
        st.lists(st.tuples(st.booleans(), st.sampled_from([b"", LOUD, QUIET, SHY])), max_size=200),
    )
    def test_runs_all_in_bounds_and_forgets_none(self, threads: int, steps: list[tuple[bool, bytes]]) -> None:
        line: FairLine[bytes] = FairLine(threads)
        running: Counter[bytes] = Counter()
        waiting: Counter[bytes] = Counter()
        for enters, key in steps:
            if enters:
                place = line.enter(key, key)
                running[key] += place is Place.RUN
                waiting[key] += place is Place.WAIT
            elif running[key]:
                running[key] -= 1
                started = line.leave(key)
                if started is not None:
                    running[started] += 1
                    waiting[started] -= 1
            assert running.total() <= threads
            assert max(running.values(), default=0) <= line.most_running
            blocked = {one for one, count in waiting.items() if count and running[one] < line.most_running}
            assert not blocked or running.total() == threads
