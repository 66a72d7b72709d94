"""Generated text in great number: through every field to history and back, and into every place of every request."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fixtures.graveyard import Graveyard
from tests.fixtures.storefront import Front
from tests.integration.fields import send_everywhere
from tests.integration.test_text import carry
from tests.integration.texts import SCENARIOS, TEXTS, Stage

pytestmark = [pytest.mark.proof, pytest.mark.timeout(3600)]

ROUNDS = int(os.environ.get("ROUNDS", "60"))
MANY = settings(
    max_examples=ROUNDS,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def stage(front: Front, graveyard: Graveyard) -> Stage:
    return Stage(front, graveyard)


@MANY
@given(st.lists(TEXTS, min_size=len(SCENARIOS), max_size=len(SCENARIOS)))
def test_any_is_refused_or_comes_back(stage: Stage, texts: list[str]) -> None:
    carry(stage, dict(zip(SCENARIOS, texts, strict=True)))


@MANY
@given(TEXTS)
def test_any_text_has_an_answer_everywhere(front: Front, text: str) -> None:
    assert send_everywhere(front, text) > 200
