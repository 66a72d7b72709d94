"""Who is refused an action is told why: every action that an operation authorises has a sentence."""

import ast

from resale.application.operations.access import REFUSALS
from tests.architecture.sources import broken, calls, sources


class TestRefusals:
    def test_every_action_that_is_authorised_has_a_sentence(self) -> None:
        used = {
            ast.unparse(keyword.value).removeprefix("Action.")
            for source in sources("resale/application/operations")
            for call, called in calls(source.tree)
            if called in {"authorize", "require_standing"}
            for keyword in call.keywords
            if keyword.arg == "action"
        }
        offences = sorted(used ^ {action.name for action in REFUSALS})
        assert not offences, broken("Each has one row in operations/access.py, and no row is of nothing:", offences)
