"""Payouts: the next version of one, and the guard of its cancellation."""

import pytest

from resale.domain.payouts import PayoutCommand, PayoutStatus, PayoutTransitionRefused, transition_payout
from tests.unit.builders import NOW, a_payout


class TestTransitionPayout:
    def test_is_the_next_version_in_the_status_of_the_command(self) -> None:
        sent = transition_payout(a_payout(version=3), PayoutCommand.SEND, now=NOW)
        assert (sent.status, sent.version, sent.updated_at) == (PayoutStatus.IN_TRANSIT, 4, NOW)

    def test_is_cancelled_only_before_it_is_sent(self) -> None:
        unsent = a_payout(may_be_cancelled=True)
        assert transition_payout(unsent, PayoutCommand.CANCEL, now=NOW).status == PayoutStatus.CANCELLED
        with pytest.raises(PayoutTransitionRefused, match=f"^Payout {unsent.id} has the status pending"):
            transition_payout(a_payout(may_be_cancelled=False), PayoutCommand.CANCEL, now=NOW)
