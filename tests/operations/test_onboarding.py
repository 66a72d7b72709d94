"""Onboarding of sellers at the payment provider: the account is opened once, and is their payout destination."""

from datetime import timedelta

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.onboarding import create_onboarding_link
from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.application.ports import ReferenceRepository
from resale.domain.onboarding import NewOnboardingLink, OnboardingLink
from resale.domain.payouts import PayoutState, PayoutStatus
from resale.domain.sellers import (
    PayoutAccountStatus,
    PayoutAccountStopped,
    PayoutDestinationRefused,
    Seller,
    SellerEdit,
    seller_id_of,
)
from resale.errors import Invalid, Unavailable
from tests.operations.partners import Books, Partners
from tests.operations.world import World, customer_of
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=4)


@pytest.fixture
def seller(world: World) -> Shopper:
    return world.shopper()


def link_of(world: World, seller: Shopper, payments: Books) -> OnboardingLink:
    page = NewOnboardingLink(return_url=f"{world.tenant.allowed_origins[0]}/payouts")
    return create_onboarding_link(world.uow(), payments=payments, shopper=seller, new=page)


def account_of(world: World, seller: Shopper) -> Seller:
    found = world.uow().sellers.find(seller_id_of(customer_of(world, seller)))
    assert found is not None
    return found


def references(world: World) -> ReferenceRepository:
    return world.uow().references


class TestCreateOnboardingLink:
    def test_opens_the_account_of_a_seller_once(self, world: World, seller: Shopper) -> None:
        payments = Books()
        first = link_of(world, seller, payments)
        account = account_of(world, seller)
        assert (account.payout_destination, account.payout_account_status) == (first.account, "pending")
        assert references(world).find(provider="books", reference=first.account) == account.id
        again = link_of(world, seller, payments)
        assert again.account == first.account
        assert [request.account for request in payments.onboarded] == [None, first.account]
        assert account_of(world, seller).version == account.version

    def test_a_lost_answer_opens_the_same_account(self, world: World, seller: Shopper) -> None:
        payments = Books(lose={"onboard": 1})
        with pytest.raises(Unavailable):
            link_of(world, seller, payments)
        link = link_of(world, seller, payments)
        assert account_of(world, seller).payout_account == link.account

    def test_refuses_a_page_that_is_not_the_shops(self, world: World, seller: Shopper) -> None:
        payments, page = Books(), NewOnboardingLink(return_url="https://evil.example/")
        with pytest.raises(Invalid):
            create_onboarding_link(world.uow(), payments=payments, shopper=seller, new=page)
        assert not payments.onboarded

    def test_another_tenant_opens_another_account(self, world: World, other_world: World, seller: Shopper) -> None:
        here = link_of(world, seller, Books())
        there = link_of(other_world, other_world.shopper(), Books())
        assert here.account != there.account


class TestPayoutsOfAnOnboardedAccount:
    def test_wait_until_it_is_active(self, world: World, seller: Shopper) -> None:
        partners = Partners()
        order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
        link_of(world, seller, partners.payments)
        assert account_of(world, seller).due_at is None
        with pytest.raises(PayoutAccountStopped):
            start_payout(world.uow(now=LATER), seller_id=world.account_id_of(order), method=None)

    def test_that_fail_restrict_it_and_keep_its_name(self, world: World, seller: Shopper) -> None:
        partners = Partners(Books(payout_state=PayoutState.FAILED))
        partners.payments.onboarding_status = PayoutAccountStatus.ACTIVE
        order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
        link = link_of(world, seller, partners.payments)
        payout = start_payout(world.uow(now=LATER), seller_id=world.account_id_of(order), method=None)
        for _ in range(3):
            payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        assert payout.status == PayoutStatus.FAILED
        account = account_of(world, seller)
        assert (account.payout_account, account.payout_destination) == (link.account, link.account)
        assert (account.payout_account_status, account.payout_requirements) == ("restricted", ("account_closed",))
        assert account.due_at is None


class TestTypedDestination:
    def test_is_refused_where_the_shop_onboards_its_sellers(self, world: World, seller: Shopper) -> None:
        policies = msgspec.structs.replace(world.tenant.policies, typed_payout_destinations=False)
        strict = World(world.container, msgspec.structs.replace(world.tenant, policies=policies))
        with pytest.raises(PayoutDestinationRefused) as refused:
            edit_seller(strict.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_typed"))
        assert refused.value.errors[0].pointer == "/payout_destination"
        link = link_of(strict, seller, Books())
        kept = edit_seller(strict.uow(), shopper=seller, edit=SellerEdit(payout_destination=link.account))
        assert kept.payout_destination == link.account
