"""Counts of a process: added by threads, saved, kept when they cannot be saved."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from apps.core.metering import Key, UsageCounts
from resale.domain.ids import TenantId
from resale.domain.usage import Meter

ONE, TWO = TenantId("ten_one"), TenantId("ten_two")
DAY = date(2026, 11, 30)


class Saved:
    """Where counts are saved; ``is_down`` makes it refuse them."""

    def __init__(self) -> None:
        self.counts: list[Mapping[Key, float]] = []
        self.is_down = False

    def __call__(self, counts: Mapping[Key, float]) -> None:
        if self.is_down:
            raise OSError("down")
        self.counts.append(dict(counts))


def _counting(saved: Saved) -> UsageCounts:
    made = UsageCounts(today=lambda: DAY)
    made.save_with(saved, every_seconds=0)
    return made


def test_threads_add_and_a_flush_saves_once() -> None:
    saved = Saved()
    usage = _counting(saved)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(800):
            threads.submit(usage.add, ONE, Meter.API_REQUESTS)
    usage.add(TWO, Meter.READ_UNITS, 0.5)
    usage.flush()
    usage.flush()
    assert saved.counts == [{(ONE, DAY, Meter.API_REQUESTS): 800, (TWO, DAY, Meter.READ_UNITS): 0.5}]


def test_counts_that_cannot_be_saved_are_kept() -> None:
    saved = Saved()
    usage = _counting(saved)
    usage.add(ONE, Meter.WRITE_UNITS, 2)
    saved.is_down = True
    usage.flush()
    usage.add(ONE, Meter.WRITE_UNITS, 3)
    saved.is_down = False
    usage.flush()
    assert saved.counts == [{(ONE, DAY, Meter.WRITE_UNITS): 5}]


def test_a_fork_begins_at_zero() -> None:
    usage = _counting(Saved())
    usage.add(ONE, Meter.WRITE_UNITS, 2)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        found: list[Mapping[Key, float]] = []
        usage.save_with(found.append, every_seconds=0)
        usage.flush()
        os.write(writing, b"empty" if not found else b"copied")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 16) == b"empty"


def test_a_thread_saves_by_itself() -> None:
    saved = Saved()
    usage = UsageCounts(today=lambda: DAY)
    usage.save_with(saved, every_seconds=0.01)
    usage.add(ONE, Meter.IMAGE_SECONDS, 1.5)
    with ThreadPoolExecutor(1) as waiting:
        assert waiting.submit(_wait_for, saved).result(timeout=30) == {(ONE, DAY, Meter.IMAGE_SECONDS): 1.5}
    usage.stop()


def _wait_for(saved: Saved) -> Mapping[Key, float]:
    while not saved.counts:
        os.sched_yield()
    return saved.counts[0]
