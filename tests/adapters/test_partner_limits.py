"""A worker's places and rate before a partner, with real processes and threads."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import msgspec
import pytest

from resale.adapters.partners.rates import RateRecord
from resale.domain.partners import PartnerPaused, PartnerUnavailable
from tests.adapters.partner_children import PROBING, SINGLE, Crowd
from tests.adapters.partners import CONNECTION, HASTY, RULES, Recorded, a_guard, fail

CHILD = (sys.executable, "-m", "tests.adapters.partner_children")


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process whose call lasts until it is killed."""
    with _held(tmp_path) as child:
        yield child


class TestPlaces:
    def test_are_as_many_for_all_processes_of_a_worker_as_for_one(self, tmp_path: Path) -> None:
        crowd = Crowd(children=5, calls=6, cap=2, calls_per_second=1000, answer_seconds=0.04)
        steps, _ = _gather(tmp_path, crowd)
        assert (len(steps), sum(steps)) == (2 * 5 * 6, 0)
        assert max(accumulate(steps)) == crowd.cap

    def test_a_killed_process_leaves_its_own(self, tmp_path: Path, holder: subprocess.Popen[str]) -> None:
        guard = a_guard(tmp_path, connection=SINGLE, rules=HASTY)
        with pytest.raises(PartnerPaused, match="at once"):
            guard.call(lambda: "asked")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(timeout=10)
        assert guard.call(lambda: "asked") == "asked"

    def test_are_taken_by_threads_side_by_side(self, tmp_path: Path) -> None:
        guard = a_guard(tmp_path)
        together = threading.Barrier(CONNECTION.concurrent_calls)  # broken unless all are inside at once
        with ThreadPoolExecutor(2 * CONNECTION.concurrent_calls) as pool:
            asked = [pool.submit(guard.call, lambda: together.wait(timeout=10)) for _ in range(8)]
            assert sorted(one.result() for one in asked) == [0, 0, 1, 1, 2, 2, 3, 3]

    def test_a_full_worker_sends_the_call_back_and_counts_no_failure(
        self, tmp_path: Path, holder: subprocess.Popen[str]
    ) -> None:
        states = Recorded()
        guard = a_guard(tmp_path, connection=SINGLE, states=states, rules=HASTY)
        for _ in range(RULES.failures + 1):
            with pytest.raises(PartnerPaused) as refused:
                guard.call(lambda: "asked")
            assert refused.value.retry_after_seconds == 1
        holder.kill()
        holder.wait(timeout=10)
        assert guard.call(lambda: "asked") == "asked"
        assert states.reports == []


class TestProbe:
    def test_of_a_killed_process_is_taken_over(self, tmp_path: Path) -> None:
        guard = a_guard(tmp_path, rules=PROBING)  # with a pause of nothing: the next call probes
        for _ in range(PROBING.failures):
            with pytest.raises(PartnerUnavailable):
                guard.call(fail)
        with _held(tmp_path), pytest.raises(PartnerPaused, match="Another call tries"):
            guard.call(lambda: "asked")
        assert guard.call(lambda: "asked") == "asked"


class TestOutage:
    def test_is_counted_by_all_processes_of_a_worker_together(self, tmp_path: Path) -> None:
        marks, children = tmp_path / "marks", 4
        command = [*CHILD, "outage", str(tmp_path), str(marks), str(children), "0.2"]
        subprocess.run(command, check=True, timeout=60)
        calls = len(marks.read_bytes())  # by a breaker of its own each: children * failures
        assert RULES.failures <= calls <= RULES.failures + children - 1


class TestFork:
    def test_a_child_is_not_stopped_by_what_its_parent_was_doing(self, tmp_path: Path) -> None:
        subprocess.run([*CHILD, "fork", str(tmp_path)], check=True, timeout=60)


class TestRate:
    def test_is_for_all_processes_of_a_worker_what_it_is_for_one(self, tmp_path: Path) -> None:
        crowd = Crowd(children=5, calls=4, cap=100, calls_per_second=40, answer_seconds=0)
        steps, took_seconds = _gather(tmp_path, crowd)
        assert steps.count(1) == 5 * 4
        assert took_seconds >= (5 * 4 - 1) / 40

    def test_beyond_it_the_call_goes_back(self, tmp_path: Path) -> None:
        slow = msgspec.structs.replace(CONNECTION, calls_per_second=1)
        guard = a_guard(tmp_path, connection=slow, rules=HASTY)
        assert guard.call(lambda: "asked") == "asked"
        with pytest.raises(PartnerPaused, match="a second") as refused:
            guard.call(lambda: "asked")
        assert refused.value.retry_after_seconds == 1

    def test_one_connections_is_not_anothers(self, tmp_path: Path) -> None:
        slow = msgspec.structs.replace(CONNECTION, calls_per_second=1)
        for name in ("one", "two"):
            assert a_guard(tmp_path / name, connection=slow).call(lambda: "asked") == "asked"

    def test_a_clock_set_back_does_not_stop_calls(self, tmp_path: Path) -> None:
        guard = a_guard(tmp_path, rules=HASTY)
        guard.call(lambda: "asked")
        kept = msgspec.json.decode((tmp_path / "rate").read_bytes(), type=RateRecord)
        kept.next_at += 86_400
        (tmp_path / "rate").write_bytes(msgspec.json.encode(kept).ljust(512))
        assert guard.call(lambda: "asked") == "asked"


def _gather(folder: Path, crowd: Crowd) -> tuple[list[int], float]:
    """Let a crowd call: +1 and -1 where a call began and ended, in order, and how long it took."""
    marks = folder / "marks"
    command = [*CHILD, "crowd", str(folder), str(marks), msgspec.json.encode(crowd).decode()]
    done = subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE)
    return [1 if mark == ord("+") else -1 for mark in marks.read_bytes()], float(done.stdout)


@contextmanager
def _held(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that is inside a call; it is killed at the end."""
    command = [*CHILD, "hold", str(folder)]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()
