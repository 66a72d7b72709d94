"""A copy is read once for all, is never older than its time, and never survives a change that this process made."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import pytest

from apps.core.hot_listings.copies import Copies
from tests.fixtures.shares import Hand

SECONDS = 1.0


class Store:
    """A value that changes, and a read of it that can be held in the middle."""

    def __init__(self) -> None:
        self.value = "old"
        self.reads = 0
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()

    def read(self) -> str:
        self.reads += 1
        seen = self.value
        self.has_begun.set()
        assert self.may_end.wait(timeout=30)
        return seen

    def hold(self) -> None:
        """Let reads begin and not end."""
        self.has_begun.clear()
        self.may_end.clear()


class Gap(dict[Hashable, Any]):
    """The reads under way; right after the end of one, something begins in another thread and has time to happen."""

    def __init__(self, begin: Callable[[], "Future[None]"]) -> None:
        super().__init__()
        self._begin = begin

    def __delitem__(self, key: Hashable) -> None:
        super().__delitem__(key)
        wait([self._begin()], timeout=0.2)  # it has to wait for the copy, unless it misses it


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def copies(clock: Hand) -> Copies[str]:
    return Copies(seconds=SECONDS, most=3, clock=clock)


class TestAge:
    def test_is_read_once_within_its_time(self, copies: Copies[str], store: Store, clock: Hand) -> None:
        copies.get("a", store.read)
        store.value = "new"
        clock.forward(SECONDS * 0.99)
        assert (copies.get("a", store.read), store.reads) == ("old", 1)
        clock.forward(SECONDS * 0.01)
        assert (copies.get("a", store.read), store.reads) == ("new", 2)

    def test_counts_from_the_beginning_of_the_read(self, copies: Copies[str], store: Store, clock: Hand) -> None:
        def read_slowly() -> str:
            seen = store.read()
            clock.forward(SECONDS)
            return seen

        assert copies.get("a", read_slowly) == "old"
        store.value = "new"
        assert copies.get("a", store.read) == "new"

    def test_each_key_for_itself(self, copies: Copies[str], store: Store) -> None:
        copies.get("a", store.read)
        assert copies.get("b", lambda: "another") == "another"


class TestChange:
    def test_ends_the_copy(self, copies: Copies[str], store: Store) -> None:
        copies.get("a", store.read)
        store.value = "new"
        copies.invalidate("a")
        assert copies.get("a", store.read) == "new"

    def test_while_it_is_read_leaves_no_old_copy(self, copies: Copies[str], store: Store) -> None:
        store.hold()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(copies.get, "a", store.read)
            assert store.has_begun.wait(timeout=30)
            store.value = "new"
            copies.invalidate("a")
            store.may_end.set()
            assert first.result(timeout=30) == "old"  # it began before the change
        assert copies.get("a", store.read) == "new"

    def test_between_the_end_of_a_read_and_its_copy_is_not_lost(self, copies: Copies[str], store: Store) -> None:
        store.hold()
        with ThreadPoolExecutor(2) as pool:
            copies._reads = Gap(lambda: pool.submit(copies.invalidate, "a"))
            first = pool.submit(copies.get, "a", store.read)
            assert store.has_begun.wait(timeout=30)
            store.value = "new"
            store.may_end.set()
            assert first.result(timeout=30) == "old"
        copies._reads = {}
        assert copies.get("a", store.read) == "new"

    def test_while_it_is_read_lets_nobody_join_the_old_read(self, copies: Copies[str], store: Store) -> None:
        store.hold()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(copies.get, "a", store.read)
            assert store.has_begun.wait(timeout=30)
            store.value = "new"
            copies.invalidate("a")
            assert copies.get("a", lambda: store.value) == "new"
            store.may_end.set()
            assert first.result(timeout=30) == "old"
        assert copies.get("a", store.read) == "new"


class TestSingleFlight:
    def test_others_take_the_read_of_one(self, copies: Copies[str], store: Store) -> None:
        store.hold()
        with ThreadPoolExecutor(8) as pool:
            others = [pool.submit(copies.get, "a", store.read) for _ in range(8)]
            assert store.has_begun.wait(timeout=30)
            store.may_end.set()
            assert {one.result(timeout=30) for one in others} == {"old"}
        assert store.reads == 1

    def test_a_failure_is_everybodys_and_is_not_kept(self, copies: Copies[str], store: Store) -> None:
        def read_and_fail() -> str:
            store.read()
            raise OSError("gone")

        store.hold()
        with ThreadPoolExecutor(8) as pool:
            others = [pool.submit(copies.get, "a", read_and_fail) for _ in range(8)]
            assert store.has_begun.wait(timeout=30)
            store.may_end.set()
            assert {type(one.exception(timeout=30)) for one in others} == {OSError}
        assert copies.get("a", store.read) == "old"

    def test_nobody_joins_a_read_that_takes_longer_than_a_copy_lives(
        self, copies: Copies[str], store: Store, clock: Hand
    ) -> None:
        store.hold()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(copies.get, "a", store.read)
            assert store.has_begun.wait(timeout=30)
            clock.forward(SECONDS)
            store.value = "new"
            assert copies.get("a", lambda: store.value) == "new"
            store.may_end.set()
            assert first.result(timeout=30) == "old"
        assert copies.get("a", lambda: "read") == "new"  # the slow one has not taken the place of the later one


class TestBounds:
    def test_the_oldest_copy_ends_first(self, copies: Copies[str]) -> None:
        for key in "abcd":
            copies.get(key, partial(str, key))
        assert len(copies) == 3
        assert [copies.get(key, lambda: "read") for key in "dcb"] == ["d", "c", "b"]
        assert copies.get("a", lambda: "read") == "read"
