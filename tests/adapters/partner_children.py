"""Processes that call a slow partner through the guard of one folder; started by the tests, forking like a worker.

``crowd FOLDER MARKS CROWD``: each child makes calls, and marks where each begins and ends; says how long they took.
``outage FOLDER MARKS CHILDREN SECONDS``: each child calls a partner that never answers, until it is told to pause.
``fork FOLDER``: forks while a thread makes a guard, and ends well if the child can make one, too.
``hold FOLDER``: makes one call that lasts until this process is killed, and says so.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from resale.adapters.partners.guard import Guard
from resale.adapters.partners.guards import Guards
from resale.domain.partners import PartnerPaused, PartnerUnavailable
from resale.domain.tenants import Tenant
from tests.adapters.partners import CONNECTION, RULES, Recorded, a_guard, a_tenant

PATIENT = msgspec.structs.replace(RULES, wait_seconds=30)
SINGLE = msgspec.structs.replace(CONNECTION, concurrent_calls=1)
PROBING = msgspec.structs.replace(RULES, pause_seconds=0)


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """How many call how often, and what they are allowed."""

    children: int
    calls: int  # of each child
    cap: int
    calls_per_second: int
    answer_seconds: float


def gather(folder: Path, marks: Path, crowd: Crowd) -> int:
    began = time.monotonic()
    worst = _fork_often(crowd.children, lambda: _call_often(folder, marks, crowd))
    print(time.monotonic() - began)  # noqa: T201 - for the test
    return worst


def suffer(folder: Path, marks: Path, children: int, seconds: float) -> int:
    return _fork_often(children, lambda: _call_until_paused(folder, marks, seconds))


def fork(folder: Path) -> int:
    opening, opened = threading.Event(), threading.Event()

    def open_states(_: Tenant) -> Recorded:
        opening.set()
        opened.wait()  # while the guards' lock is held
        return Recorded()

    guards = Guards(str(folder), open_states=open_states)
    threading.Thread(target=guards.for_connection, args=(a_tenant("a"), CONNECTION), daemon=True).start()
    opening.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # a child that waits for its parent's thread waits for ever
        opened.set()
        os._exit(guards.for_connection(a_tenant("a"), CONNECTION).call(lambda: 0))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def hold(folder: Path) -> None:
    def answer_never() -> None:
        print("held", flush=True)  # noqa: T201 - what the test waits for
        sys.stdin.read()

    a_guard(folder, connection=SINGLE, rules=PROBING).call(answer_never)


def _fork_often(children: int, work: Callable[[], None]) -> int:
    """Do the same in several children; the worst exit code of theirs."""
    pids = []
    for _ in range(children):
        pid = os.fork()
        if pid == 0:
            os._exit(_exit_code(work))
        pids.append(pid)
    return max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids)


def _exit_code(work: Callable[[], None]) -> int:
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - a fork must not return into its parent's code
        print(repr(error), file=sys.stderr, flush=True)  # noqa: T201 - pytest shows it
        return 1
    return 0


def _call_until_paused(folder: Path, marks: Path, seconds: float) -> None:
    guard = a_guard(folder, connection=msgspec.structs.replace(CONNECTION, concurrent_calls=100))
    file = os.open(marks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def time_out() -> None:
        os.write(file, b"+")
        time.sleep(seconds)  # the partner's own time, not a wait for anything
        raise PartnerUnavailable("no answer")

    while True:
        try:
            guard.call(time_out)
        except PartnerPaused:
            return
        except PartnerUnavailable:
            continue


def _call_often(folder: Path, marks: Path, crowd: Crowd) -> None:
    connection = msgspec.structs.replace(
        CONNECTION, concurrent_calls=crowd.cap, calls_per_second=crowd.calls_per_second
    )
    guard = a_guard(folder, connection=connection, rules=PATIENT)
    file = os.open(marks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for _ in range(crowd.calls):
        _ask(guard, file, crowd.answer_seconds)


def _ask(guard: Guard, file: int, seconds: float) -> None:
    def answer_slowly() -> None:
        os.write(file, b"+")
        time.sleep(seconds)  # the partner's own time, not a wait for anything
        os.write(file, b"-")

    guard.call(answer_slowly)


if __name__ == "__main__":
    if sys.argv[1] == "crowd":
        sys.exit(gather(Path(sys.argv[2]), Path(sys.argv[3]), msgspec.json.decode(sys.argv[4], type=Crowd)))
    if sys.argv[1] == "outage":
        sys.exit(suffer(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
    if sys.argv[1] == "fork":
        sys.exit(fork(Path(sys.argv[2])))
    hold(Path(sys.argv[2]))
