"""Reasons: what the platform composes is on the list."""

import pytest

from resale.domain.claims import ClaimReason
from resale.domain.reasons import ReasonCode


@pytest.mark.parametrize("reason", ClaimReason)
def test_a_claim_of_any_reason_can_be_refunded_for_it(reason: ClaimReason) -> None:
    assert ReasonCode(f"claim_{reason}") == f"claim_{reason.value}"
