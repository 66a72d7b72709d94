"""``make kills N=1000``: so many orders through real queues and processes, killed -9 at random every few seconds.

Every order has an end it must come to. When all have, the books are held against the provider's own, every history is
verified, and every queue and dead-letter queue must be empty. Ends with 1 and says what is wrong, if anything is.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from deploy.local.supervisor.interrupts import exit_on_signals
from tests.e2e.machine import Machine
from tests.e2e.outcome import Findings, Outcome
from tests.e2e.sales import BATCH, Sale, Sales
from tests.e2e.shops import Shop

_SHOPPERS: Final = 40  # at once: nearly all of them wait for the workflow
_KILL_SECONDS: Final = (3.0, 7.0)  # between two kills
_KILLED: Final = (
    "orders",
    "orders",
    "orders",
    "changes",
    "changes",
    "sweep",
    "relay",
    "images",
    "web",
    "payments",
    "shipping",
    "dynoxide-111111111111",
)


def main() -> int:
    """Play it."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    say = partial(say_since, time.monotonic())
    say(f"{options.orders} orders, seed {options.seed}")
    with exit_on_signals(), tempfile.TemporaryDirectory(prefix="resale-kills-") as folder:
        machine = Machine(Path(folder))
        try:
            machine.start()
            soak = Soak(machine, say=say, rng=random.Random(options.seed))  # noqa: S311 - a run that can be told again
            found = soak.play(options.orders)
        finally:
            machine.close()
    for line in found.lines:
        say(f"WRONG: {line}")
    say("nothing is wrong" if not found.lines else f"{len(found.lines)} things are wrong")
    return 1 if found.lines else 0


class Soak:
    """The shoppers and the killer of one run."""

    def __init__(self, machine: Machine, *, say: Callable[[str], None], rng: random.Random) -> None:
        self._machine, self._say, self._rng = machine, say, rng
        self._killed: Counter[str] = Counter()
        self._sales = Sales(Shop(machine, "northwind"))
        self._outcome = Outcome(self._sales, machine, say=say)

    def play(self, count: int) -> Findings:
        """Run all orders to their ends under kills, then look at everything once."""
        sales: list[Sale] = []
        with self._killing():
            for start in range(0, count, BATCH):
                numbers = range(start, min(start + BATCH, count))
                listings = self._sales.put_on_sale(len(numbers))
                with ThreadPoolExecutor(_SHOPPERS) as shoppers:
                    sales += shoppers.map(self._sales.run, numbers, listings)
                self._say(f"{len(sales)} orders went their ways; {sum(self._killed.values())} processes killed")
            self._say("waiting for the last ones")
            self._sales.await_ends(sales)
        self._say("paying the sellers")
        self._outcome.pay_sellers()
        found = self._outcome.look(sales)
        self._say(f"  killed: {', '.join(f'{role} {count}' for role, count in sorted(self._killed.items()))}")
        return found

    @contextmanager
    def _killing(self) -> Iterator[None]:
        stopping = threading.Event()

        def kill_now_and_then() -> None:
            while not stopping.wait(self._rng.uniform(*_KILL_SECONDS)):
                role = self._rng.choice(_KILLED)
                self._machine.kill(role)
                self._killed[role] += 1

        killer = threading.Thread(target=kill_now_and_then, name="killer")
        killer.start()
        try:
            yield
        finally:
            stopping.set()
            killer.join()


def say_since(began: float, line: str) -> None:
    """Print a line with the seconds since a moment."""
    sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
