"""Any text there is, through every field of every endpoint, to history and back (at length: ``make test-text``)."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fixtures.graveyard import Graveyard
from tests.fixtures.storefront import Front
from tests.integration.fields import send_everywhere
from tests.integration.texts import BAD, FREE, GOOD, SCENARIOS, TEXTS, Stage, expect_held, written_places

A_FEW = settings(
    max_examples=2,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example],
)


@pytest.fixture
def stage(front: Front, graveyard: Graveyard) -> Stage:
    return Stage(front, graveyard)


def carry(stage: Stage, texts: dict[str, str]) -> int:
    """Send a text through each field; hold what came of it, carry it, hold its history. Returns how many were taken."""
    taken = {place: SCENARIOS[place](stage, text) for place, text in texts.items()}
    for place, one in taken.items():
        expect_held(place, texts[place], one)
    stage.pipeline.carry()
    accepted = [one for one in taken.values() if one.accepted]
    for one in accepted:
        stage.expect_verified(one)
    return len(accepted)


class TestWhatPeopleWrite:
    def test_every_field_is_tried(self) -> None:
        assert set(SCENARIOS) == written_places()

    def test_a_good_one_is_taken_by_every_field(self, stage: Stage) -> None:
        texts = {place: GOOD[at % len(GOOD)] for at, place in enumerate(FREE)}
        assert carry(stage, texts) == len(texts)

    def test_a_bad_one_is_refused_by_every_field(self, stage: Stage) -> None:
        for shift in range(2):
            texts = {place: BAD[(at + shift * 5) % len(BAD)] for at, place in enumerate(SCENARIOS)}
            assert carry(stage, texts) == 0

    @A_FEW
    @given(st.lists(TEXTS, min_size=len(SCENARIOS), max_size=len(SCENARIOS)))
    def test_any_is_refused_or_comes_back(self, stage: Stage, texts: list[str]) -> None:
        carry(stage, dict(zip(SCENARIOS, texts, strict=True)))


class TestEveryField:
    @A_FEW
    @given(TEXTS)
    def test_any_text_has_an_answer(self, front: Front, text: str) -> None:
        send_everywhere(front, text)
