"""``docs/simulation.md``: what a run does, what holds after it, and what each check was seen to catch."""

from collections.abc import Iterator
from pathlib import Path

from tests.simulation.faults import FAULTS
from tests.simulation.invariants import CHECKS, OWN_CHECKS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "simulation.md"

_BEGINNING = """\
# Simulation

The workflow of an order, from submission to payout, in one process: the operations, the unit of work, the streams, the
changes consumer, the reactions, the sweep and what the tasks do (`apps/workers/tasks/handlers.py`) are the platform's
own, on a DynamoDB engine in memory. One thing is replaced: the queues, by a scheduler with a seed. Around it are a bank
and a carrier with books of their own.

A run has two sellers, three buyers, the brand and a few items on sale, most of them units of past purchases. They say
what they may and what they may not: buy (also what another is buying), cancel, ask for labels, confirm, claim, decide,
withdraw, refund, edit, pay out, cancel a payout, relist, list another unit, say a purchase anew, pause and resume what
is on sale, take it down, submit again what time took off sale. The bank declines, asks for proof, lets holds lapse,
takes days for a refund, fails it, even after it was given, opens disputes, decides them and thinks again, returns
payouts days after they were paid. The carrier refuses labels, loses parcels, returns them, scans late, out of order, or
what was voided.

Meanwhile messages come twice, late, out of order or never; webhooks too; the changes queue loses what it held and the
relay begins anew; a process dies before a write, after it, or while a partner answers; answers of the store and of
partners are lost; transactions conflict; somebody else acts between a read and what comes next, often another worker
with the same message; hours and days pass. Then nothing goes wrong any more, and time passes until nothing waits.

```
make simulate N=2000          # seeds 1 to 2000, in WORKERS=2 processes
make simulate N=1 SEED=17     # one seed again: the same run, its trace printed where a check fails
make test                     # plays 100 seeds, and plants each fault below
```

A seed fixes everything: ids, order, mishaps. A failure prints the trace of its run, one line for each thing that
happened, with what it wrote.
"""


def page() -> str:
    """Write the page from the lists that the tests go by."""
    return "\n".join([_BEGINNING, *_checks(), "", *_faults(), ""])


def _checks() -> Iterator[str]:
    yield "## What holds\n"
    yield "| check | what it says |"
    yield "|---|---|"
    for check in CHECKS:
        yield f"| `{check.__name__}` | {(check.__doc__ or '').splitlines()[0]} |"
    for name, sentence in OWN_CHECKS.items():
        yield f"| `{name}` | {sentence} |"


def _faults() -> Iterator[str]:
    yield "## What was planted, and which check saw it\n"
    yield "Each is planted by `tests/simulation/test_planted_faults.py`, which fails unless the named check sees it.\n"
    yield "| fault | what is broken | seen by |"
    yield "|---|---|---|"
    for fault in FAULTS:
        yield f"| {fault.name} | {fault.broken} | `{fault.caught_by}` |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
