"""What is read often is found among whatever else is read, in bounded memory, and released when it is quiet."""

import random
from concurrent.futures import ThreadPoolExecutor

from apps.core.hot_listings.detector import HotKeys
from tests.fixtures.shares import Hand

HOT = 20
COOL = 10


class Watched:
    """A detector with a clock that a test turns."""

    def __init__(self, most: int = 64) -> None:
        self.clock = Hand()
        self.keys = HotKeys(hot_per_second=HOT, cool_per_second=COOL, most=most, clock=self.clock)

    def count(self, key: str, times: int, *, within_seconds: float = 0.0) -> list[bool]:
        """Count events of a key at even intervals."""
        found = []
        for _ in range(times):
            found.append(self.keys.count(key))
            self.clock.forward(within_seconds / times)
        return found


class TestBecomesHot:
    def test_at_its_rate(self) -> None:
        watched = Watched()
        assert watched.count("a", HOT) == [False] * (HOT - 1) + [True]
        assert watched.keys.is_hot("a")

    def test_not_below_its_rate_however_long_it_lasts(self) -> None:
        watched = Watched()
        assert not any(watched.count("a", (HOT - 1) * 30, within_seconds=30))

    def test_when_the_second_lies_in_two_windows(self) -> None:
        watched = Watched()
        watched.clock.forward(0.9)
        assert not any(watched.count("a", HOT // 2))
        watched.clock.forward(0.2)  # a tenth of the next window is over: nine tenths of the one before count
        assert watched.count("a", HOT // 2 + 2)[-1]

    def test_a_burst_long_ago_counts_no_more(self) -> None:
        watched = Watched()
        watched.count("a", HOT - 1)
        watched.clock.forward(5)
        assert not any(watched.count("a", HOT - 1))

    def test_each_key_for_itself(self) -> None:
        watched = Watched()
        watched.count("a", HOT)
        assert watched.keys.count("b") is False


class TestIsReleased:
    def test_by_a_window_below_the_lower_rate(self) -> None:
        watched = Watched()
        watched.count("a", HOT)
        watched.clock.forward(1)
        assert all(watched.count("a", COOL - 1))  # the window with the burst has just ended
        watched.clock.forward(1)
        assert watched.keys.count("a") is False

    def test_not_between_the_two_rates(self) -> None:
        watched = Watched()
        watched.count("a", HOT)
        watched.clock.forward(1)
        assert all(watched.count("a", 30 * (COOL + 1), within_seconds=30))

    def test_by_silence(self) -> None:
        watched = Watched()
        watched.count("a", HOT)
        watched.clock.forward(3)
        watched.keys.count("b")
        assert not watched.keys.is_hot("a")


class TestBounds:
    def test_made_up_keys_cost_no_memory_and_hide_nothing(self) -> None:
        watched, rng = Watched(most=64), random.Random(7)  # noqa: S311 - a reproducible order
        events = ["a"] * 60 + [f"made-up-{number}" for number in range(2_000)]  # underestimated by 2,060 / 64 at most
        rng.shuffle(events)
        for key in events:
            watched.keys.count(key)
        assert watched.keys.is_hot("a")
        assert not any(watched.keys.is_hot(key) for key in events if key != "a")
        assert len(watched.keys) <= 64

    def test_no_count_is_lost_between_threads(self) -> None:
        watched = Watched()
        watched.keys = HotKeys(hot_per_second=4_000, cool_per_second=1, clock=watched.clock)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: watched.count("a", 499), range(8)))
        assert watched.count("a", 8) == [False] * 7 + [True]
