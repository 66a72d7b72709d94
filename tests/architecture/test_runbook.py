"""The runbook knows each signal that asks for a person."""

import re

import pytest

from apps.backoffice.display_text import ISSUES
from resale.application.queries.ledger import DifferenceKind
from resale.domain.changes import ChangeType
from resale.domain.issues import Issue
from tests.architecture.sources import ROOT

RUNBOOK = (ROOT / "docs" / "runbook-money.md").read_text()


class TestRunbook:
    def test_staff_are_told_of_each_issue(self) -> None:
        assert set(ISSUES) == set(Issue)

    @pytest.mark.parametrize("code", [*Issue, *DifferenceKind])
    def test_says_what_to_do_about(self, code: str) -> None:
        assert re.search(rf"^\| `{code}` \| .+ \| .+ \|$", RUNBOOK, re.MULTILINE)

    @pytest.mark.parametrize(
        "change_type", sorted(one for one in ChangeType if one.endswith((".postponed", ".degraded")))
    )
    def test_explains(self, change_type: str) -> None:
        assert f"`{change_type}`" in RUNBOOK
