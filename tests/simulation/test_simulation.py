"""A hundred seeds of the workflow, whatever goes wrong: every invariant holds, and a seed plays the same again."""

import msgspec
import pytest

from resale.bootstrap import Container
from resale.settings import Settings
from tests.simulation.stage import Stage

_SEEDS = 100
_EACH = 10


@pytest.mark.parametrize("first", range(1, _SEEDS + 1, _EACH))
def test_every_invariant_holds(stage: Stage, first: int) -> None:
    for seed in range(first, first + _EACH):
        played = stage.play(seed)
        assert not played.violations, played.report()


def test_a_seed_plays_the_same_on_its_own_and_after_another(stage: Stage, resale_settings: Settings) -> None:
    base = Container(resale_settings)  # which nothing was played on
    try:
        alone = msgspec.structs.replace(stage, base=base)
        assert alone.play(1).log == alone.play(1).log == stage.play(1).log
    finally:
        base.close()
