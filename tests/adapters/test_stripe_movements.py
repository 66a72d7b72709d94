"""Stripe's fees and its payouts to the account's own bank, as the adapter reads them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from resale.adapters.payments.stripe import StripePayments
from resale.domain.account_movements import AccountMovement, MovementKind
from tests.adapters.stripe_connecting import attempt, connect
from tests.adapters.stripe_double import StripeDouble
from tests.adapters.stripe_world import sample

LONG_AGO, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
FEE, DISPUTE_FEE, BANK_PAYOUT = MovementKind.FEE, MovementKind.DISPUTE_FEE, MovementKind.BANK_PAYOUT


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as running:
        yield running


@pytest.fixture
def stripe(double: StripeDouble) -> StripePayments:
    return connect(double.url)


def movements(stripe: StripePayments) -> list[AccountMovement]:
    return list(stripe.iter_account_movements(since=LONG_AGO, until=END))


def shown(stripe: StripePayments) -> list[tuple[MovementKind, int, bool]]:
    return [(one.kind, one.amount, one.is_account_wide) for one in movements(stripe)]


class TestAccountMovements:
    def test_have_the_fee_of_a_payment_of_ours(self, stripe: StripePayments, double: StripeDouble) -> None:
        charge = sample("charge", metadata={"attempt_id": attempt().attempt_id})
        double.world.book("charge", charge, 12_000, fee=200)
        (found,) = movements(stripe)
        assert (found.kind, found.amount, found.currency, found.is_account_wide) == (FEE, 200, "GBP", False)
        assert found.at == datetime.fromtimestamp(sample("balance_transaction")["created"], UTC)

    def test_of_a_payment_of_another_shop_are_account_wide(self, stripe: StripePayments, double: StripeDouble) -> None:
        double.world.book("charge", sample("charge", metadata={}, payment_intent=None), 12_000, fee=200)
        assert shown(stripe) == [(FEE, 200, True)]

    def test_have_the_fee_of_a_dispute(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = attempt()
        reference = stripe.authorise(request).provider_reference
        dispute = sample("dispute", payment_intent=reference)
        double.world.book("adjustment", dispute, -12_000, fee=1_500, category="dispute")
        double.world.book("adjustment", dispute, 12_000, fee=-1_500, category="dispute_reversal")
        assert shown(stripe) == [(DISPUTE_FEE, -1_500, False), (DISPUTE_FEE, 1_500, False)]

    def test_have_fees_that_are_movements_themselves(self, stripe: StripePayments, double: StripeDouble) -> None:
        double.world.book("stripe_fee", None, -700, category="fee")
        assert shown(stripe) == [(FEE, 700, True)]

    @pytest.mark.parametrize(
        ("kind", "amount", "left"),
        [("payout", -5_000, 5_000), ("payout_failure", 5_000, -5_000), ("topup", 3_000, -3_000)],
    )
    def test_have_what_left_for_the_accounts_own_bank(
        self, stripe: StripePayments, double: StripeDouble, kind: str, amount: int, left: int
    ) -> None:
        double.world.book(kind, None, amount)
        assert shown(stripe) == [(BANK_PAYOUT, left, True)]

    def test_have_nothing_of_what_costs_nothing(self, stripe: StripePayments, double: StripeDouble) -> None:
        double.world.book("refund", sample("refund"), -2_000)
        double.world.book("transfer", sample("transfer"), -2_000)
        assert movements(stripe) == []
