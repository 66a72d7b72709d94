"""Each fault is seen by the check that is there for it."""

from collections import Counter

import pytest

from tests.simulation.faults import FAULTS, Fault
from tests.simulation.stage import Stage

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

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
