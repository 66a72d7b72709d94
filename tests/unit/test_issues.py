"""Issues: an entity has several, and each stays until it is cleared."""

import msgspec

from resale.domain.issues import Issue, clear_issues, issues_of, raise_issue
from tests.unit.builders import an_order


class TestIssues:
    def test_keeps_the_others_when_one_more_is_raised(self) -> None:
        order = raise_issue(raise_issue(an_order(), Issue.CHARGED_BACK), Issue.REFUND_FAILED)
        assert issues_of(order) == (Issue.REFUND_FAILED, Issue.CHARGED_BACK)
        assert order.attention == Issue.REFUND_FAILED

    def test_raises_the_same_issue_once(self) -> None:
        order = raise_issue(raise_issue(an_order(), Issue.DISPUTE_OPEN), Issue.DISPUTE_OPEN)
        assert issues_of(order) == (Issue.DISPUTE_OPEN,)

    def test_shows_the_next_one_when_the_most_urgent_is_cleared(self) -> None:
        order = raise_issue(raise_issue(an_order(), Issue.DISPUTE_OPEN), Issue.CHARGED_BACK)
        assert clear_issues(order, Issue.DISPUTE_OPEN).attention == Issue.CHARGED_BACK
        assert clear_issues(order, *Issue).attention is None

    def test_changes_nothing_without_the_issue(self) -> None:
        order = raise_issue(an_order(), Issue.DISPUTE_OPEN)
        assert clear_issues(order, Issue.LABEL_REFUSED) is order

    def test_reads_an_entity_stored_with_one_issue(self) -> None:
        stored = msgspec.structs.replace(an_order(), attention=Issue.LABEL_REFUSED)
        assert issues_of(stored) == (Issue.LABEL_REFUSED,)
        assert issues_of(raise_issue(stored, Issue.CHARGED_BACK)) == (Issue.LABEL_REFUSED, Issue.CHARGED_BACK)
        assert clear_issues(stored, Issue.LABEL_REFUSED).attention is None
