"""The registry's cache: fresh, bounded, loaded once, and what it does while its source is down."""

import threading

import pytest

from apps.tenancy.cache import Limits, ReadThroughCache, Source, SourceDown


class Shelf:
    """A source that can be down, and counts."""

    def __init__(self) -> None:
        self.now = 0.0
        self.values: dict[str, str] = {"a": "first"}
        self.loads: list[str] = []
        self.is_down = False
        self.source = Source(clock=lambda: self.now, retry_seconds=5)

    def load(self, key: str) -> str | None:
        self.loads.append(key)
        if self.is_down:
            raise ConnectionError
        return self.values.get(key)

    def cache(self, **limits: float) -> ReadThroughCache[str, str]:
        kept = Limits(**limits)  # type: ignore[arg-type]  # counts are whole
        return ReadThroughCache(self.load, source=self.source, down=ConnectionError, limits=kept)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


class TestFreshness:
    def test_loads_once_in_thirty_seconds(self, shelf: Shelf) -> None:
        cache = shelf.cache()
        for shelf.now in (0, 10, 29.9):
            assert cache.get("a") == "first"
        assert shelf.loads == ["a"]

    def test_sees_a_change_after_thirty_seconds(self, shelf: Shelf) -> None:
        cache = shelf.cache()
        cache.get("a")
        shelf.values["a"] = "second"
        shelf.now = 30
        assert cache.get("a") == "second"

    def test_a_value_that_went_is_gone(self, shelf: Shelf) -> None:
        cache = shelf.cache()
        cache.get("a")
        del shelf.values["a"]
        shelf.now = 30
        assert cache.get("a") is None

    def test_remembers_what_is_absent_for_a_shorter_time(self, shelf: Shelf) -> None:
        cache = shelf.cache()
        assert cache.get("new") is None
        shelf.values["new"] = "here"
        shelf.now = 4.9
        assert cache.get("new") is None
        shelf.now = 5
        assert cache.get("new") == "here"

    def test_forgets_at_once_when_told(self, shelf: Shelf) -> None:
        cache = shelf.cache()
        cache.get("a")
        shelf.values["a"] = "second"
        cache.forget("a")
        assert cache.get("a") == "second"


class TestBounds:
    def test_strangers_evict_no_one(self, shelf: Shelf) -> None:
        cache = shelf.cache(max_entries=2, max_absent=3)
        cache.get("a")
        for number in range(100):
            cache.get(f"stranger-{number}")
        cache.get("a")
        assert len(cache) == 4
        assert shelf.loads.count("a") == 1

    def test_keeps_the_youngest(self, shelf: Shelf) -> None:
        cache = shelf.cache(max_entries=2)
        shelf.values.update(b="b", c="c")
        for key in ("a", "b", "c", "b", "c"):
            cache.get(key)
        assert len(cache) == 2
        assert shelf.loads == ["a", "b", "c"]


class TestDown:
    def test_serves_what_it_knows_for_an_hour(self, shelf: Shelf) -> None:
        cache = shelf.cache()
        cache.get("a")
        shelf.is_down = True
        for shelf.now in (31, 1800, 3600):
            assert cache.get("a") == "first"

    def test_refuses_after_an_hour(self, shelf: Shelf) -> None:
        cache = shelf.cache()
        cache.get("a")
        shelf.is_down = True
        shelf.now = 3601
        with pytest.raises(SourceDown):
            cache.get("a")

    def test_an_hour_counts_from_the_last_good_answer(self, shelf: Shelf) -> None:
        cache = shelf.cache()
        cache.get("a")
        shelf.is_down = True
        shelf.now = 3000
        cache.get("a")
        shelf.now = 3601
        with pytest.raises(SourceDown):
            cache.get("a")

    def test_refuses_what_it_never_knew(self, shelf: Shelf) -> None:
        shelf.is_down = True
        with pytest.raises(SourceDown):
            shelf.cache().get("a")

    def test_tries_again_only_every_few_seconds(self, shelf: Shelf) -> None:
        cache, other = shelf.cache(), shelf.cache()
        cache.get("a")
        shelf.loads.clear()
        shelf.is_down = True
        for shelf.now in (31, 32, 33, 35.9):
            cache.get("a")
            with pytest.raises(SourceDown):
                other.get("b")
        assert shelf.loads == ["a"]
        shelf.is_down = False
        shelf.now = 37
        assert cache.get("a") == "first"
        assert shelf.loads == ["a", "a"]

    def test_other_errors_are_not_taken_for_an_outage(self, shelf: Shelf) -> None:
        def broken(_: str) -> str:
            raise KeyError

        with pytest.raises(KeyError):
            ReadThroughCache(broken, source=shelf.source, down=ConnectionError).get("a")
        assert shelf.cache().get("a") == "first"


class TestThreads:
    def test_many_wait_for_one_load(self, shelf: Shelf) -> None:
        asked, response = threading.Event(), threading.Event()

        def slow(key: str) -> str:
            shelf.loads.append(key)
            asked.set()
            assert response.wait(10)
            return "loaded"

        cache = ReadThroughCache(slow, source=shelf.source, down=ConnectionError)
        got: list[str | None] = []
        threads = [threading.Thread(target=lambda: got.append(cache.get("a"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert asked.wait(10)
        response.set()
        for thread in threads:
            thread.join(10)
        assert got == ["loaded"] * 8
        assert shelf.loads == ["a"]

    def test_while_it_is_down_one_tries_and_the_others_do_not_wait(self, shelf: Shelf) -> None:
        asked, response = threading.Event(), threading.Event()

        def hanging(key: str) -> str | None:
            if not shelf.is_down:
                return shelf.load(key)
            asked.set()
            assert response.wait(10)
            raise ConnectionError

        cache = ReadThroughCache(hanging, source=shelf.source, down=ConnectionError)
        cache.get("a")
        shelf.is_down = True
        shelf.now = 31
        shelf.source.record_failure()
        shelf.now = 37
        prober = threading.Thread(target=cache.get, args=("a",))
        prober.start()
        assert asked.wait(10)
        assert cache.get("a") == "first"  # at once: the prober still hangs
        response.set()
        prober.join(10)


class TestOwnBound:
    def test_a_value_with_a_bound_of_its_own_is_served_stale_no_longer(self, shelf: Shelf) -> None:
        cache = ReadThroughCache(
            shelf.load, source=shelf.source, down=ConnectionError, stale_seconds_of=lambda value: float(len(value)) * 12
        )
        shelf.values["b"] = "much longer"
        cache.get("a"), cache.get("b")
        shelf.is_down = True
        shelf.now = 60
        assert (cache.get("a"), cache.get("b"), cache.age_seconds("a")) == ("first", "much longer", 60)
        shelf.now = 61
        with pytest.raises(SourceDown):
            cache.get("a")
        assert cache.get("b") == "much longer"
