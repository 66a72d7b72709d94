"""``python -m tests.simulation``: many seeds in several processes; says which failed, and how to play one again."""

import argparse
import multiprocessing
import os
import queue
import sys
import time
from collections.abc import Sequence
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue

from tests.simulation.stage import Played
from tests.simulation.working import work

_SAID_EVERY_SECONDS = 5.0
_SHOWN = 3  # failures whose whole trace is printed


def main() -> None:
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--trace", action="store_true", help="print what happened even where nothing is wrong")
    asked = parser.parse_args()
    failed = _play_all(asked)
    say(f"{asked.count} seeds from {asked.seed}: {asked.count - len(failed)} hold, {len(failed)} do not")
    if failed:
        say(f"seeds that do not: {' '.join(str(one.seed) for one in failed)}; again: make simulate N=1 SEED=…")
        raise SystemExit(1)


def _play_all(asked: argparse.Namespace) -> list[Played]:
    context = multiprocessing.get_context("spawn")
    seeds: Queue[int | None] = context.Queue()
    played: Queue[Played] = context.Queue()
    count = min(asked.processes, asked.count)
    for seed in [*range(asked.seed, asked.seed + asked.count), *([None] * count)]:
        seeds.put(seed)
    workers = [context.Process(target=work, args=(seeds, played), daemon=False) for _ in range(count)]
    for worker in workers:
        worker.start()
    failed: list[Played] = []
    said_at = time.monotonic()
    for done in range(1, asked.count + 1):
        one = _next_of(played, workers)
        if one.violations:
            failed.append(one)
            say(one.report() if len(failed) <= _SHOWN else f"seed {one.seed}: {one.violations[0]}")
        elif asked.trace:
            say("\n".join(one.log))
        if time.monotonic() - said_at > _SAID_EVERY_SECONDS:
            said_at = time.monotonic()
            say(f"{done} of {asked.count} seeds played, {len(failed)} failed")
    for worker in workers:
        worker.join()
    return failed


def _next_of(played: "Queue[Played]", workers: Sequence[SpawnProcess]) -> Played:
    """Wait for the next seed to be played; a process that ended by a fault ends it all."""
    while True:
        try:
            return played.get(timeout=1.0)
        except queue.Empty:
            if any(worker.exitcode for worker in workers):
                for worker in workers:
                    worker.terminate()
                raise SystemExit("a process ended by itself; its error is above") from None


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
