"""Payouts that fail: only a failure of the seller's account clears its destination; others are retried."""

from datetime import timedelta

import pytest

from resale.application.operations.payouts import advance_payout, start_due_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.domain.issues import Issue
from resale.domain.payout_failures import FailureCause, cause_of
from resale.domain.payouts import Payout, PayoutOutcome, PayoutRequest, PayoutState, PayoutStatus
from resale.domain.sellers import Seller, SellerEdit, seller_id_of
from tests.operations.partners import Books, Partners
from tests.operations.world import World
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)
PAYABLE = LATER + timedelta(days=2)


class Refusing(Books):
    """A provider that refuses payouts, for one reason."""

    def __init__(self, reason_code: str | None) -> None:
        super().__init__()
        self.reason_code = reason_code

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        if self.reason_code == "recovered":
            return super().pay_out(request)
        self.payouts[request.payout_id] = (request.amount.amount, PayoutState.FAILED)
        return PayoutOutcome(
            state=PayoutState.FAILED, provider_reference=f"bk_{request.payout_id}", reason_code=self.reason_code
        )


def failed_payout(world: World, partners: Partners) -> Payout:
    seller = world.shopper()
    order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
    edit_seller(world.uow(now=LATER), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    payout = start_payout(world.uow(now=PAYABLE), seller_id=world.account_id_of(order), method=None)
    for _ in range(2):
        payout = advance_payout(world.uow(now=PAYABLE), partners=partners, payout_id=payout.id)
    assert payout.status == PayoutStatus.FAILED
    return payout


def account_of(world: World, payout: Payout) -> Seller:
    found = world.uow().sellers.find(seller_id_of(payout.seller_id))
    assert found is not None
    return found


class TestFailureOfOurs:
    @pytest.mark.parametrize("code", ["amount_too_small", "insufficient_funds", "never_heard_of", None])
    def test_keeps_the_destination_and_is_retried(self, world: World, code: str | None) -> None:
        payments = Refusing(code)
        partners = Partners(payments=payments)
        payout = failed_payout(world, partners)
        account = account_of(world, payout)
        assert (account.available, account.payout_destination) == (10_800, "acct_ok")
        assert account.due_at is not None
        assert account.due_at >= PAYABLE + timedelta(days=1)
        payments.reason_code = "recovered"
        again = start_due_payout(world.uow(now=account.due_at), seller_id=account.id)
        assert again is not None
        for _ in range(3):
            again = advance_payout(world.uow(now=account.due_at), partners=partners, payout_id=again.id)
        assert (again.status, again.amount) == (PayoutStatus.PAID, 10_800)

    @pytest.mark.parametrize("code", ["amount_too_small", "insufficient_funds", "never_heard_of"])
    def test_is_shown_to_staff(self, world: World, code: str) -> None:
        payout = failed_payout(world, Partners(payments=Refusing(code)))
        assert (payout.failure_code, payout.attention) == (code, Issue.PAYOUT_FAILED)

    def test_of_the_bank_is_retried_without_staff(self, world: World) -> None:
        payout = failed_payout(world, Partners(payments=Refusing("could_not_process")))
        account = account_of(world, payout)
        assert (account.payout_destination, account.due_at, payout.attention) == (
            "acct_ok",
            PAYABLE + timedelta(days=1),
            None,
        )


class TestFailureOfTheSellersAccount:
    @pytest.mark.parametrize("code", ["account_closed", "no_account", "declined", "payouts_not_allowed"])
    def test_clears_the_destination_and_waits_for_another(self, world: World, code: str) -> None:
        payout = failed_payout(world, Partners(payments=Refusing(code)))
        account = account_of(world, payout)
        assert (account.available, account.payout_destination, account.due_at) == (10_800, None, None)
        assert payout.attention is None


class TestCauseOf:
    def test_knows_every_failure_that_stripe_documents(self) -> None:
        sellers = (
            "account_closed account_frozen bank_account_restricted bank_ownership_changed debit_not_authorized "
            "declined incorrect_account_holder_address incorrect_account_holder_name incorrect_account_holder_tax_id "
            "invalid_account_number invalid_currency no_account unsupported_card"
        )
        assert {cause_of(code) for code in sellers.split()} == {FailureCause.SELLER_ACCOUNT}
        assert cause_of("could_not_process") == FailureCause.BANK
        assert cause_of("insufficient_funds") == FailureCause.PLATFORM

    def test_what_is_not_known_is_not_the_sellers(self) -> None:
        assert cause_of("a_code_of_next_year") == cause_of(None) == FailureCause.PLATFORM
