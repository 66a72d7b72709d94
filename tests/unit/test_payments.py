"""Payments: what is refunded and comes back, and the ids of refunds that others made."""

import pytest

from resale.domain.ids import REFUND_ID, PaymentId
from resale.domain.payments import (
    Payment,
    PaymentCommand,
    PaymentStatus,
    PaymentTransitionRefused,
    adopted_refund_id,
    restore_payment,
    transition_payment,
)
from tests.unit.builders import NOW


def a_payment(status: PaymentStatus, *, refunded: int = 0) -> Payment:
    return Payment(
        id=PaymentId("pay_" + "7" * 32), started_at=NOW, status=status, captured_minor=1_000, refunded_minor=refunded
    )


class TestRestorePayment:
    @pytest.mark.parametrize(
        ("refunded", "amount", "left", "status"),
        [(1_000, 1_000, 0, "captured"), (1_000, 400, 600, "partially_refunded"), (1, 1, 0, "captured")],
    )
    def test_is_refunded_less(self, refunded: int, amount: int, left: int, status: str) -> None:
        restored = restore_payment(a_payment(PaymentStatus.REFUNDED, refunded=refunded), amount)
        assert (restored.refunded_minor, restored.status) == (left, status)

    def test_refuses_one_of_which_nothing_was_refunded(self) -> None:
        with pytest.raises(PaymentTransitionRefused):
            restore_payment(a_payment(PaymentStatus.CAPTURED, refunded=5), 5)


class TestTransitionPayment:
    def test_is_in_the_status_of_the_command(self) -> None:
        failed = transition_payment(a_payment(PaymentStatus.STARTED), PaymentCommand.FAIL)
        assert failed.status == PaymentStatus.FAILED


class TestAdoptedRefundId:
    def test_is_always_the_same_and_an_id_of_a_refund(self) -> None:
        adopted = adopted_refund_id("re_1")
        assert adopted == "ref_f91afed6d1dc266af26d14086fd2ba63"
        assert REFUND_ID.matches(adopted)
        assert adopted_refund_id("re_2") != adopted
