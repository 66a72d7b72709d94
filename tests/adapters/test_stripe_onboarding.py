"""The Stripe adapter's onboarding: one connected account a seller, paid by hand, and links to Stripe's form."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from resale.adapters.payments.stripe import StripePayments
from resale.domain.ids import SellerId
from resale.domain.onboarding import OnboardingRequest
from resale.domain.partners import PartnerUnavailable
from resale.domain.sellers import PayoutAccountStatus
from tests.adapters.stripe_connecting import connect, new_id
from tests.adapters.stripe_double import StripeDouble


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as running:
        yield running


@pytest.fixture
def stripe(double: StripeDouble) -> StripePayments:
    return connect(double.url)


def new_request() -> OnboardingRequest:
    return OnboardingRequest(
        seller_id=SellerId(new_id("sel")), account=None, country="GB", return_url="https://shop.example/payouts"
    )


class TestOnboard:
    def test_opens_an_account_that_never_pays_out_by_itself(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = new_request()
        link = stripe.onboard(request)
        (account,) = double.world.accounts.values()
        assert (link.account, link.status) == (account["id"], PayoutAccountStatus.PENDING)
        assert account["asked"]["settings[payouts][schedule][interval]"] == "manual"
        assert account["asked"]["metadata[seller_id]"] == request.seller_id
        assert link.url.startswith("https://connect.stripe.com/")
        assert link.expires_at == datetime.fromtimestamp(1_680_578_033, UTC)

    def test_a_lost_answer_opens_it_once(self, stripe: StripePayments, double: StripeDouble) -> None:
        request = new_request()
        double.lose_answer("/v1/accounts")
        with pytest.raises(PartnerUnavailable):
            stripe.onboard(request)
        stripe.onboard(request)
        assert len(double.world.accounts) == 1

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"payouts_enabled": True, "details_submitted": True}, PayoutAccountStatus.ACTIVE),
            ({"details_submitted": True}, PayoutAccountStatus.RESTRICTED),
            ({"requirements": {"disabled_reason": "rejected.fraud"}}, PayoutAccountStatus.REJECTED),
        ],
    )
    def test_continues_with_a_known_account(
        self, stripe: StripePayments, double: StripeDouble, changes: dict[str, object], status: PayoutAccountStatus
    ) -> None:
        request = new_request()
        account = stripe.onboard(request).account
        double.world.accounts[account].update(changes)
        again = stripe.onboard(msgspec.structs.replace(request, account=account))
        assert (again.account, again.status) == (account, status)
        assert len(double.world.accounts) == 1
