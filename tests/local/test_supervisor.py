"""Starting, keeping and stopping processes, with real ones."""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.supervisor import LockRefused, PortTaken, StartFailed, Supervisor, SupervisorError
from deploy.local.supervisor.locks import acquire, release
from deploy.local.supervisor.ports import PortRegistry, is_free, pick
from tests.local.processes import is_gone, server, until, worker_pid


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(log_dir=tmp_path, say=said.append) as running:
        yield running


def pid_of(supervisor: Supervisor, name: str) -> int:
    pid = supervisor.pid(name)
    assert pid is not None
    return pid


class TestStart:
    def test_gives_the_child_only_the_environment_it_was_told(self, supervisor: Supervisor, tmp_path: Path) -> None:
        supervisor.start(server("one"))
        log = (tmp_path / "one.log").read_text()
        assert "'ONLY'" in log
        assert "'PATH'" not in log
        assert "'HOME'" not in log

    def test_refuses_a_port_on_which_somebody_listens(self, supervisor: Supervisor) -> None:
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            port = stranger.getsockname()[1]
            with pytest.raises(PortTaken, match=str(port)):
                supervisor.start(server("one", port=port))
        assert supervisor.names() == ()

    def test_is_not_fooled_by_a_stranger_who_answers_for_a_dead_child(self, supervisor: Supervisor) -> None:
        stranger = server("stranger")
        supervisor.start(stranger)
        blind = dataclasses.replace(stranger, name="blind", argv=(sys.executable, "-c", ""), ports=())
        blind = dataclasses.replace(blind, ready=lambda: until(lambda: is_gone(pid_of(supervisor, "blind"))))
        with pytest.raises(StartFailed, match="ended before it was ready"):
            supervisor.start(blind)

    def test_tells_the_end_of_the_log_when_the_first_start_fails(self, supervisor: Supervisor) -> None:
        failing = dataclasses.replace(server("one"), argv=(sys.executable, "-c", "raise SystemExit('no such disk')"))
        with pytest.raises(StartFailed, match="no such disk"):
            supervisor.start(failing)
        assert supervisor.names() == ()

    def test_gives_up_on_a_silent_child_and_ends_it(self, supervisor: Supervisor) -> None:
        pids = []

        def never() -> bool:
            pids.append(pid_of(supervisor, "one"))
            return False

        with pytest.raises(StartFailed, match=r"did not respond within 0\.3 s"):
            supervisor.start(dataclasses.replace(server("one"), ready=never, ready_seconds=0.3))
        assert is_gone(pids[0])

    def test_refuses_a_program_that_is_not_there(self, supervisor: Supervisor) -> None:
        with pytest.raises(StartFailed):
            supervisor.start(dataclasses.replace(server("one"), argv=("/no/such/program",)))

    def test_refuses_a_name_twice(self, supervisor: Supervisor) -> None:
        supervisor.start(server("one"))
        with pytest.raises(SupervisorError, match="running already"):
            supervisor.start(server("one"))


class TestLocks:
    def test_refuses_a_data_file_that_another_run_holds(self, supervisor: Supervisor, tmp_path: Path) -> None:
        held = acquire(tmp_path / "data", wait_seconds=0)
        with pytest.raises(LockRefused, match=rf"data is in use by another run \(process {os.getpid()}\)"):
            supervisor.start(server("one", locks=(tmp_path / "data",)))
        release((held,))
        supervisor.start(server("one", locks=(tmp_path / "data",)))

    def test_are_shared_with_the_child_and_end_with_it(self, supervisor: Supervisor, tmp_path: Path) -> None:
        supervisor.start(server("one", locks=(tmp_path / "data",)))
        child = supervisor._children["one"]
        child._release_locks()  # as if this process had died and the child not yet
        with pytest.raises(LockRefused):
            acquire(tmp_path / "data", wait_seconds=0.1)
        supervisor.stop()
        release((acquire(tmp_path / "data", wait_seconds=0),))


class TestKeeping:
    def test_restarts_a_killed_child_on_its_port_and_says_so_once(
        self, supervisor: Supervisor, said: list[str]
    ) -> None:
        spec = server("one")
        supervisor.start(spec)
        first = pid_of(supervisor, "one")
        supervisor.kill("one")
        supervisor.wait_ready("one")
        assert pid_of(supervisor, "one") != first
        assert spec.ready is not None
        assert spec.ready()
        assert said == ["one ended (killed by SIGKILL); starting it again in 0.2 s"]

    def test_ends_the_workers_of_a_killed_child(self, supervisor: Supervisor, tmp_path: Path) -> None:
        supervisor.start(server("one", "worker"))
        worker = worker_pid(tmp_path, "one")
        supervisor.kill("one")
        supervisor.wait_ready("one")
        assert is_gone(worker)
        assert not is_gone(worker_pid(tmp_path, "one"))

    def test_waits_longer_each_time(self, supervisor: Supervisor, said: list[str]) -> None:
        supervisor.start(server("one"))
        for _ in range(3):
            supervisor.kill("one")
            supervisor.wait_ready("one")
        assert [line.rpartition("in ")[2] for line in said] == ["0.2 s", "0.4 s", "0.8 s"]

    def test_tries_again_when_the_port_was_taken_meanwhile(self, supervisor: Supervisor, said: list[str]) -> None:
        spec = server("one")
        supervisor.start(spec)
        with supervisor._children["one"]._changed:  # hold the keeper until the stranger sits
            os.kill(pid_of(supervisor, "one"), signal.SIGKILL)
            assert until(lambda: is_free(spec.ports[0]))
            stranger = socket.create_server(("127.0.0.1", spec.ports[0]))
        with stranger:
            assert until(lambda: any("is taken" in line for line in said))
        assert until(lambda: supervisor.start_count("one") == 2)

    def test_leaves_an_ended_child_alone_when_told_so(self, supervisor: Supervisor, said: list[str]) -> None:
        supervisor.start(dataclasses.replace(server("one"), restart="never"))
        supervisor.kill("one")
        assert until(lambda: said == ["one ended (killed by SIGKILL)"])
        assert supervisor.pid("one") is None

    def test_restarts_cleanly_on_request(self, supervisor: Supervisor, said: list[str]) -> None:
        cleanly: list[bool] = []
        supervisor.start(dataclasses.replace(server("one"), after_exit=cleanly.append, stop_seconds=20.0))
        first = pid_of(supervisor, "one")
        supervisor.restart("one")
        assert pid_of(supervisor, "one") != first
        assert cleanly == [True]
        assert said == []


def _noting(ended: list[str], name: str) -> Callable[[bool], None]:
    return lambda _clean: ended.append(name)


def _meeting(both: threading.Barrier) -> Callable[[bool], None]:
    def meet(*_: object) -> None:
        both.wait(10)

    return meet


class TestStop:
    def test_ends_children_in_reverse_order(self, supervisor: Supervisor) -> None:
        ended: list[str] = []
        for name in ("one", "two", "three"):
            supervisor.start(dataclasses.replace(server(name), after_exit=_noting(ended, name)))
        supervisor.stop()
        assert ended == ["three", "two", "one"]

    def test_ends_those_that_do_not_need_each_other_at_once(self, supervisor: Supervisor) -> None:
        both = threading.Barrier(2)
        for name in ("one", "two"):
            supervisor.start(dataclasses.replace(server(name), after_exit=_meeting(both)))
        supervisor.start(server("stays"))
        supervisor.stop_together(["one", "two"])
        assert supervisor.names() == ("stays",)
        assert not both.broken

    def test_insists_after_the_time_allowed(self, supervisor: Supervisor, said: list[str]) -> None:
        cleanly: list[bool] = []
        supervisor.start(dataclasses.replace(server("one", "stubborn"), after_exit=cleanly.append))
        pid = pid_of(supervisor, "one")
        supervisor.stop()
        assert is_gone(pid)
        assert cleanly == [False]
        assert said == ["one did not stop within 1 s; killing it"]

    def test_leaves_no_worker_behind(self, supervisor: Supervisor, tmp_path: Path) -> None:
        supervisor.start(server("one", "worker"))
        worker = worker_pid(tmp_path, "one")
        supervisor.stop()
        assert until(lambda: is_gone(worker))

    def test_interrupts_a_pause_before_a_restart(self, supervisor: Supervisor, said: list[str]) -> None:
        supervisor.start(server("one"))
        supervisor._children["one"]._pause_seconds = 60
        supervisor.kill("one")
        assert until(lambda: len(said) == 1)
        supervisor.stop()
        assert supervisor.names() == ()


_ROOT = Path(__file__).resolve().parents[2]
_PARENT = """
import sys, time
from pathlib import Path
from deploy.local.supervisor import Supervisor
from deploy.local.supervisor.interrupts import exit_on_signals
from tests.local.processes import server, worker_pid
logs = Path(sys.argv[1])
with exit_on_signals(), Supervisor(log_dir=logs) as supervisor:
    for name in ("one", "two"):
        supervisor.start(server(name, "worker", "stubborn"))
    own = [supervisor.pid(name) for name in supervisor.names()]
    print(*own, *(worker_pid(logs, name) for name in supervisor.names()), supervisor._groups._guard.pid, flush=True)
    time.sleep(600)
"""


class TestEndOfTheParent:
    @pytest.fixture
    def parent(self, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
        command = [sys.executable, "-c", _PARENT, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(_ROOT)}) as process:
            assert process.stdout is not None
            yield process, [int(pid) for pid in process.stdout.readline().split()]
            process.kill()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_stops_everything_in_order_when_told_to_end(
        self, parent: tuple[subprocess.Popen[str], list[int]], number: signal.Signals
    ) -> None:
        process, pids = parent
        process.send_signal(number)
        assert process.wait(timeout=10) == 128 + number
        assert until(lambda: all(is_gone(pid) for pid in pids))

    def test_by_kill_leaves_no_child_no_worker_and_no_guard(
        self, parent: tuple[subprocess.Popen[str], list[int]]
    ) -> None:
        process, pids = parent
        assert len(pids) == 5
        assert not any(is_gone(pid) for pid in pids)
        process.kill()
        assert until(lambda: all(is_gone(pid) for pid in pids))

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
    def test_by_kill_leaves_no_child_when_the_guard_was_killed_before(
        self, parent: tuple[subprocess.Popen[str], list[int]]
    ) -> None:
        process, (*pids, guard) = parent
        children, workers = pids[:2], pids[2:]
        os.kill(guard, signal.SIGKILL)
        process.kill()
        assert until(lambda: all(is_gone(pid) for pid in children))
        for worker in workers:  # these only the guard reaches
            os.kill(worker, signal.SIGKILL)


class TestGuard:
    def test_is_replaced_with_all_notes_when_found_dead(self, supervisor: Supervisor) -> None:
        supervisor.start(server("one"))
        first = supervisor._groups._guard
        assert first is not None
        first.kill()
        assert until(lambda: is_gone(first.pid))
        supervisor.start(server("two"))
        pids = [pid_of(supervisor, name) for name in ("one", "two")]
        supervisor._groups.close()  # the pipe's end, as after a kill -9
        assert until(lambda: all(supervisor.pid(name) != pid for name, pid in zip(("one", "two"), pids, strict=True)))


class TestPortBook:
    def test_gives_a_name_the_same_port_in_the_next_run(self, tmp_path: Path) -> None:
        book = PortRegistry(tmp_path / "ports.json")
        port = book.port("one")
        book.save()
        assert PortRegistry(tmp_path / "ports.json").port("one") == port

    def test_gives_another_when_it_is_taken(self, tmp_path: Path) -> None:
        book = PortRegistry(tmp_path / "ports.json")
        with socket.create_server(("127.0.0.1", book.port("one"))) as stranger:
            assert book.port("one") != stranger.getsockname()[1]

    def test_prefers_what_was_asked_for_but_never_anothers(self, tmp_path: Path) -> None:
        book, wanted = PortRegistry(tmp_path / "ports.json"), pick()
        assert book.port("one", preferred=wanted) == wanted
        assert book.port("two", preferred=wanted) != wanted

    def test_reads_a_broken_book_as_empty(self, tmp_path: Path) -> None:
        (tmp_path / "ports.json").write_text("{")
        assert PortRegistry(tmp_path / "ports.json").port("one") > 0
