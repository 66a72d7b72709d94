"""The runbook knows each signal that asks for a person."""

import re

import pytest

from apps.backoffice.display_text import ATTENTION
from resale.application.queries.ledger import DifferenceKind
from resale.domain.changes import ChangeType
from resale.domain.partners import PARTNER_SILENT
from tests.architecture.sources import ROOT

RUNBOOK = (ROOT / "docs" / "runbook-money.md").read_text()
LINES = [
    line for path in (ROOT / "resale").rglob("*.py") for line in path.read_text().splitlines() if "attention" in line
]
NAMED = {code for line in LINES for code in re.findall(r'"([a-z]+_[a-z_]+)"', line.partition("attention")[2])}
CODES = sorted({*NAMED, *ATTENTION})


class TestRunbook:
    def test_there_are_codes_to_look_for(self) -> None:
        assert "label_refused" in CODES

    def test_staff_are_told_of_each_code_too(self) -> None:
        assert set(ATTENTION) >= NAMED | {PARTNER_SILENT}

    @pytest.mark.parametrize("code", [*CODES, *DifferenceKind])
    def test_says_what_to_do_about(self, code: str) -> None:
        assert re.search(rf"^\| `{code}` \| .+ \| .+ \|$", RUNBOOK, re.MULTILINE)

    @pytest.mark.parametrize(
        "change_type", sorted(one for one in ChangeType if one.endswith((".postponed", ".degraded")))
    )
    def test_explains(self, change_type: str) -> None:
        assert f"`{change_type}`" in RUNBOOK
