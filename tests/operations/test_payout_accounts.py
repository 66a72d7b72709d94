"""A seller's account at the payment provider: its state follows the provider's, and a stopped one is not paid."""

from datetime import timedelta

import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.payouts import start_due_payout, start_payout
from resale.application.operations.payouts.accounts import review_payout_account
from resale.application.operations.sellers import edit_seller
from resale.application.queries.sellers import get_own_seller
from resale.domain.inbound import Inbound
from resale.domain.partners import Provider
from resale.domain.payouts import PayoutMethod
from resale.domain.sellers import (
    PayoutAccount,
    PayoutAccountStatus,
    PayoutAccountStopped,
    Seller,
    SellerEdit,
    seller_id_of,
)
from tests.operations.partners import Books, Carrier, Partners
from tests.operations.test_inbound import an_event, told
from tests.operations.test_inbound_processing import handle
from tests.operations.world import World
from tests.unit.builders import NOW
from tests.unit.events import a_connection

LATER = NOW + timedelta(days=4)
RESTRICTED = PayoutAccount(status=PayoutAccountStatus.RESTRICTED, requirements=("individual.id_number",))
ACTIVE = PayoutAccount(status=PayoutAccountStatus.ACTIVE)


class StripeBooks(Books):
    name = Provider.SANDBOX  # under which a shop without a connection stores references


@pytest.fixture
def partners() -> Partners:
    return Partners(StripeBooks(), Carrier())


@pytest.fixture
def account(world: World) -> str:
    """An account of this test's own: sellers of one shop share none."""
    return f"acct_{world.shopper().subject}"


@pytest.fixture
def shopper(world: World) -> Shopper:
    return world.shopper()


@pytest.fixture
def seller(world: World, partners: Partners, shopper: Shopper, account: str) -> Seller:
    """A seller with money on the balance and a payout account."""
    world.run(world.delivered(partners, seller=shopper), partners, now=LATER)
    return edit_seller(world.uow(now=LATER), shopper=shopper, edit=SellerEdit(payout_destination=account))


def report(world: World, partners: Partners, account: str, state: PayoutAccount, *, is_thin: bool = False) -> Inbound:
    """Have the provider change an account and report it."""
    partners.payments.accounts[account] = state
    sender = None if is_thin else account
    event = an_event(kind="account.updated", order_id=None, reference=account, account=sender)
    return handle(world, told(world, event, by=a_connection()), partners)


def stored(world: World, seller: Seller) -> Seller:
    return world.uow().sellers.get(seller.id)


class TestReports:
    def test_stop_payouts_and_show_the_seller_why(
        self, world: World, partners: Partners, seller: Seller, shopper: Shopper, account: str
    ) -> None:
        assert seller.due_at is not None
        kept = report(world, partners, account, RESTRICTED)
        assert (kept.status, kept.target_id) == ("processed", seller.id)
        view = get_own_seller(reader=world.reader, principal=world.principal(shopper))
        assert (view.payout_account_status, view.payout_requirements) == ("restricted", ("individual.id_number",))
        assert view.next_payout_at is None
        with pytest.raises(PayoutAccountStopped):
            start_payout(world.uow(now=LATER), seller_id=seller.id, method=None)
        credited = start_payout(world.uow(now=LATER), seller_id=seller.id, method=PayoutMethod.STORE_CREDIT)
        assert credited.method == PayoutMethod.STORE_CREDIT

    def test_pay_again_when_it_is_enabled_again(
        self, world: World, partners: Partners, seller: Seller, account: str
    ) -> None:
        for state in (RESTRICTED, ACTIVE):
            report(world, partners, account, state)
        enabled = stored(world, seller)
        assert (enabled.payout_account_status, enabled.payout_requirements) == ("active", ())
        assert enabled.due_at is not None
        paid = start_due_payout(world.uow(now=enabled.due_at + timedelta(days=9)), seller_id=seller.id)
        assert paid is not None

    def test_pay_after_the_delay_of_the_shop_whatever_was_planned_before(
        self, world: World, partners: Partners, seller: Seller, account: str
    ) -> None:
        assert seller.due_at is not None
        later = seller.due_at + timedelta(days=9)
        partners.payments.accounts[account] = ACTIVE
        reviewed = review_payout_account(world.uow(now=later), payments=partners.payments, seller_id=seller.id)
        assert reviewed.due_at == later

    def test_read_the_account_and_write_nothing_when_it_has_not_changed(
        self, world: World, partners: Partners, seller: Seller, account: str
    ) -> None:
        report(world, partners, account, ACTIVE)
        version = stored(world, seller).version
        report(world, partners, account, ACTIVE)
        assert stored(world, seller).version == version

    def test_that_are_thin_lead_to_the_same(
        self, world: World, partners: Partners, seller: Seller, account: str
    ) -> None:
        report(world, partners, account, RESTRICTED, is_thin=True)
        assert stored(world, seller).payout_account_status == "restricted"

    def test_of_an_account_that_the_seller_has_left_change_nothing(
        self, world: World, partners: Partners, seller: Seller, shopper: Shopper, account: str
    ) -> None:
        edit_seller(world.uow(now=LATER), shopper=shopper, edit=SellerEdit(payout_destination=f"{account}_new"))
        kept = report(world, partners, account, RESTRICTED)
        assert (kept.status, kept.reason_code) == ("ignored", "account_mismatch")
        assert stored(world, seller).payout_account_status is None


class TestEdits:
    def test_to_another_account_forget_the_state_of_the_last(
        self, world: World, partners: Partners, seller: Seller, shopper: Shopper, account: str
    ) -> None:
        report(world, partners, account, RESTRICTED)
        edit = SellerEdit(payout_destination=f"{account}_new")
        changed = edit_seller(world.uow(now=LATER), shopper=shopper, edit=edit)
        assert changed.id == seller.id
        assert (changed.payout_account_status, changed.payout_requirements) == (None, ())
        assert changed.due_at is not None

    def test_to_an_account_of_another_seller_leave_its_events_to_that_one(
        self, world: World, partners: Partners, seller: Seller, account: str
    ) -> None:
        other = edit_seller(world.uow(), shopper=world.shopper(), edit=SellerEdit(payout_destination=account))
        report(world, partners, account, RESTRICTED)
        assert stored(world, seller).payout_account_status == "restricted"
        assert stored(world, other).payout_account_status is None
        assert seller_id_of(other.customer_id) == other.id
