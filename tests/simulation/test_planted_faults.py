"""Each fault is seen by the check that is there for it; and each check sees one."""

from collections import Counter

import pytest

from tests.simulation.faults import FAULTS, Fault
from tests.simulation.invariants import CHECKS, OWN_CHECKS
from tests.simulation.page import PAGE, page
from tests.simulation.stage import Stage

_SEEDS = 60  # looked through, till one shows it


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_caught(stage: Stage, fault: Fault) -> None:
    seen: Counter[str] = Counter()
    for seed in range(1, _SEEDS + 1):
        with fault.plant():
            played = stage.play(seed, weights=fault.weights, odds=fault.odds)
        caught = {check for check, _ in played.violations}
        if fault.caught_by in caught:
            return
        seen.update(caught)
    pytest.fail(f"{fault.caught_by} saw nothing in {_SEEDS} seeds; others did: {seen}")


def test_every_check_catches_a_fault() -> None:
    checks = {check.__name__ for check in CHECKS} | OWN_CHECKS.keys()
    assert {fault.caught_by for fault in FAULTS} == checks


def test_the_page_is_the_lists() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make reference` (python -m tests.simulation.page)"
