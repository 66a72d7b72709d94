"""Money for staff: payouts, balances, and whether a provider that runs, the ledger and the orders agree."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import msgspec
import pytest
from django.urls import reverse

from deploy.local.payments.server import PaymentsServer
from resale.application.operations.orders import advance_order
from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.postponing import postpone_step
from resale.application.operations.sellers import edit_seller
from resale.bootstrap import Container
from resale.domain.ids import OrderId, PaymentId
from resale.domain.money import Money
from resale.domain.orders import Order, OrderStatus
from resale.domain.payments import PaymentRequest
from resale.domain.payouts import Payout, PayoutMethod, PayoutState, PayoutStatus
from resale.domain.sellers import SellerEdit, seller_id_of
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.operations.partners import Books, Partners
from tests.unit.builders import NOW

LATER = NOW + timedelta(days=2_000)  # after what other tests leave behind
DAYS_AHEAD = count(390, -3)  # of the shop's time, another for each test: what others booked is not of that day


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[PaymentsServer]:
    with PaymentsServer(tmp_path / "books.sqlite") as running:
        yield running


@pytest.fixture
def connected(backoffice: Backoffice, provider: PaymentsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    """This process's container, with a payment provider."""
    with connected_to(provider.base_url, backoffice, monkeypatch) as made:
        yield made


@contextmanager
def connected_to(url: str, backoffice: Backoffice, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    made = Container(msgspec.structs.replace(backoffice.front.container.settings, payments_url=url))
    monkeypatch.setattr("apps.core.container._container", made)
    yield made
    made.close()


@pytest.fixture
def paid(backoffice: Backoffice, connected: Container, no_clock_left: None) -> Order:  # noqa: ARG001 - one is made here
    """An order that the provider was really asked to take the money of, in the shop's time."""
    world, now = backoffice.front.world, datetime.now(UTC) + timedelta(days=next(DAYS_AHEAD))
    assert backoffice.front.post("/v1/test_clocks", {"now": now.isoformat()}, brand=True).status == 201
    order = world.order(backoffice.front.shopper(), world.active(backoffice.front.shopper()), now=now)
    partners = connected.partners(backoffice.front.shop.tenant)
    while order.status in {OrderStatus.SUBMITTED, OrderStatus.PAYMENT_PENDING}:
        order = advance_order(world.uow(now=now), partners=partners, order_id=order.id)
    return order


def started_payout(backoffice: Backoffice) -> Payout:
    world, partners, seller = backoffice.front.world, Partners(), backoffice.front.shopper()
    order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
    return start_payout(world.uow(now=LATER), seller_id=seller_id_of(order.seller_id), method=None)


def pay_out(backoffice: Backoffice, *, state: PayoutState = PayoutState.PAID) -> Payout:
    world, partners, payout = backoffice.front.world, Partners(Books(payout_state=state)), started_payout(backoffice)
    for _ in range(3):  # sending begins, it is sent, it has arrived
        payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
    return payout


class TestPayouts:
    def test_are_listed_with_their_state(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        payout = pay_out(backoffice, state=PayoutState.FAILED)
        page = viewer.get("money")
        assert reverse("admin:payout", kwargs={"payout_id": payout.id}) in page.html
        assert "Failed" in page.text
        assert "£108.00 Cash" in page.text

    def test_say_that_they_wait_for_a_silent_provider(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        world = backoffice.front.world
        seller, later = backoffice.front.shopper(), LATER + timedelta(days=1)
        order = world.run(world.delivered(Partners(), seller=seller), Partners(), now=later)
        edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
        payout = start_payout(world.uow(now=later), seller_id=seller_id_of(order.seller_id), method=None)
        for _ in range(31):
            uow = world.uow(now=later)
            postpone_step(uow, entity_id=payout.id, reason_code="partner_unavailable")
        assert "A partner has not responded for about a day" in viewer.get("payout", payout_id=payout.id).text
        assert "Needs action" in viewer.get("money").text

    def test_show_what_was_booked(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        text = viewer.get("payout", payout_id=pay_out(backoffice).id).text
        assert "Paid £108.00" in text
        assert "Payouts in transit £108.00 Seller's balance £108.00" in text
        assert "Debits equal credits £216.00 £216.00" in text

    def test_tell_their_history_and_that_it_holds(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        world = backoffice.front.world
        order = world.run(world.delivered(Partners()), Partners(), now=LATER)
        payout = start_payout(
            world.uow(now=LATER), seller_id=seller_id_of(order.seller_id), method=PayoutMethod.STORE_CREDIT
        )
        assert "No history yet" in viewer.get("payout", payout_id=payout.id).text
        backoffice.record(payout.id)
        page = viewer.get("payout", payout_id=payout.id)
        assert "Complete and unedited" in page.text
        assert "payout.paid" in page.html

    def test_are_found_by_their_id(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        payout = pay_out(backoffice)
        found = viewer.get("search", query=f"?q={payout.id}")
        assert found.location == reverse("admin:payout", kwargs={"payout_id": payout.id})

    @pytest.mark.parametrize("text", ["x", "pyt_1", "ord_" + "0" * 32, "pyt_" + "0" * 32])
    def test_what_is_none_is_not_there(self, viewer: StaffClient, text: str) -> None:
        assert viewer.get("payout", payout_id=text).status == 404

    def test_a_foreign_cursor_starts_them_again(self, viewer: StaffClient) -> None:
        assert viewer.get("money", query="?cursor=made-up").location == "/admin/money/"


class TestBalances:
    def test_are_added_up_only_when_asked_for(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        pay_out(backoffice)
        assert "At the payment provider" not in viewer.get("balances").text
        text = viewer.get("balances", query="?sum=1").text
        assert "At the payment provider £" in text
        assert "Sellers' balances and store credit" in text


class TestTrialBalance:
    def test_is_computed_only_when_asked_for(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        pay_out(backoffice)
        page = viewer.get("trial-balance")
        assert page.status == 200
        assert "Debits and credits are equal" not in page.text

    def test_shows_both_sides_of_each_account(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        pay_out(backoffice)
        text = viewer.get("trial-balance", query=f"?month={NOW:%Y-%m}&opening=on").text
        assert "Debits and credits are equal." in text
        assert re.search(r"At the payment provider Asset £0\.00 £[1-9][0-9,.]+ £[0-9,.]+ £", text)

    def test_of_no_month_is_refused(self, viewer: StaffClient) -> None:
        page = viewer.get("trial-balance", query="?month=2026-13")
        assert page.status == 422
        assert "Enter a month as YYYY-MM." in page.text


class TestReconciliation:
    def test_is_made_only_when_asked_for(self, viewer: StaffClient) -> None:
        page = viewer.get("reconciliation")
        assert page.status == 200
        assert "agree" not in page.text

    @pytest.mark.usefixtures("paid")
    def test_says_plainly_that_they_agree(self, viewer: StaffClient) -> None:
        page = viewer.get("reconciliation", query="?days=1")
        assert "No differences. 1 movement of money" in page.text
        assert "Payment provider £120.00 Ledger £120.00 Orders and payouts £120.00" in page.text
        assert "Differences" not in page.text

    def test_shows_differences_first(
        self, backoffice: Backoffice, connected: Container, viewer: StaffClient, paid: Order
    ) -> None:
        forged = take_money(connected, backoffice)
        page = viewer.get("reconciliation", query="?days=1")
        assert "The records differ. 1 of 2 movements of money differs and needs action." in page.text
        assert "Not in the ledger Charge" in page.text
        assert "£5.00 \u2013 \u2013" in page.text
        assert forged in page.html
        assert paid.id not in page.html
        assert page.text.index("Differences") < page.text.index("Sums")

    @pytest.mark.usefixtures("paid")
    def test_shows_as_many_differences_as_a_page_holds(
        self, backoffice: Backoffice, connected: Container, viewer: StaffClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.backoffice.money._SHOWN", 1)
        forged = [take_money(connected, backoffice) for _ in range(2)]
        page = viewer.get("reconciliation", query="?days=1")
        assert "2 of 3 movements of money differ and need action" in page.text
        assert "And 1 more." in page.text
        assert sum(one in page.html for one in forged) == 1

    def test_says_that_the_provider_does_not_answer(
        self, backoffice: Backoffice, viewer: StaffClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with PaymentsServer(tmp_path / "gone.sqlite") as gone:
            url = gone.base_url
        with connected_to(url, backoffice, monkeypatch):
            page = viewer.get("reconciliation", query="?days=1")
        assert page.status == 200
        assert "payment provider did not respond, so nothing was compared" in page.text
        assert "No differences" not in page.text

    def test_says_that_there_is_no_provider(self, viewer: StaffClient) -> None:
        page = viewer.get("reconciliation", query="?days=1")
        assert page.status == 200
        assert "no payment provider that accepts its credentials" in page.text

    @pytest.mark.parametrize("days", ["0", "32", "-1", "x", ""])
    def test_goes_back_a_month_at_most(self, viewer: StaffClient, days: str) -> None:
        page = viewer.get("reconciliation", query=f"?days={days}")
        assert page.status == 422
        assert "agree" not in page.text


def take_money(container: Container, backoffice: Backoffice) -> OrderId:
    """Have the provider charge for an order that nobody knows of."""
    number = uuid.uuid4().hex
    request = PaymentRequest(
        attempt_id=PaymentId(f"pay_{number}"),
        order_id=OrderId(f"ord_{number}"),
        amount=Money(amount=500, currency="GBP"),
        token="tok_ok",
    )
    payments = container.payments(backoffice.front.shop.tenant)
    payments.authorise(request)
    payments.capture(request)
    return request.order_id


class TestPayoutCancellation:
    def test_is_the_managers_until_its_sending_begins(
        self, backoffice: Backoffice, viewer: StaffClient, manager: StaffClient
    ) -> None:
        payout = started_payout(backoffice)
        body = {"version": payout.version}
        assert "Cancel this payout" not in viewer.get("payout", payout_id=payout.id).text
        assert "role does not allow" in viewer.post("payout-cancel", body, payout_id=payout.id).text
        assert "Cancel this payout" in manager.get("payout", payout_id=payout.id).text
        for _ in range(2):
            assert "payout is cancelled" in manager.post("payout-cancel", body, payout_id=payout.id).text
        text = manager.get("payout", payout_id=payout.id).text
        assert "Payout cancelled" in text
        assert "Cancel this payout" not in text

    def test_is_refused_once_it_was_sent(self, backoffice: Backoffice, manager: StaffClient) -> None:
        payout = pay_out(backoffice)
        page = manager.post("payout-cancel", {"version": payout.version}, payout_id=payout.id)
        assert "payout is cancelled" not in page.text
        assert backoffice.front.world.uow().payouts.get(payout.id).status == PayoutStatus.PAID

    def test_needs_the_version_that_was_looked_at(self, backoffice: Backoffice, manager: StaffClient) -> None:
        payout = started_payout(backoffice)
        assert "not complete" in manager.post("payout-cancel", {}, payout_id=payout.id).text
