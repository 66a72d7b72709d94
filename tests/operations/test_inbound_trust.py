"""Whom an event is believed: the mode and the account that it belongs to, and nobody else."""

import json
from typing import Any

import pytest
import stripe as library

from apps.workers.tasks.handlers import TASK_HANDLERS, Delivery
from resale.adapters.payments.stripe.hooks import read_webhook
from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.domain.ids import SHIPMENT_ID
from resale.domain.inbound import InboundStatus
from resale.domain.orders import Order
from resale.domain.partners import PartnerEvent, Provider
from resale.domain.payments import DisputeStatus
from resale.domain.payouts import Payout, PayoutStatus
from resale.domain.sellers import SellerEdit, seller_id_of
from resale.domain.task_names import PROCESS_INBOUND
from tests.adapters.stripe_connecting import WEBHOOK_SECRET
from tests.adapters.stripe_world import SAMPLES
from tests.operations.partners import Books, Carrier, Partners
from tests.operations.test_inbound import an_event, told
from tests.operations.test_inbound_processing import handle
from tests.operations.world import World, later
from tests.unit.events import a_connection, a_dispute, a_scan

DAYS = 24 * 3600
STRIPE = a_connection(provider=Provider.STRIPE)


class StripeBooks(Books):
    name = Provider.STRIPE


@pytest.fixture
def partners() -> Partners:
    return Partners(StripeBooks(), Carrier())


@pytest.fixture
def payout(world: World, partners: Partners) -> Payout:
    """A payout that is on its way to acct_good."""
    seller, late = world.shopper(), 4 * DAYS
    order = world.run(world.delivered(partners, seller=seller), partners, now=later(late))
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_good"))
    seller_id = seller_id_of(order.seller_id)
    started = start_payout(world.uow(now=later(late)), seller_id=seller_id, method=None)
    for _ in range(2):
        started = advance_payout(world.uow(now=later(late)), partners=partners, payout_id=started.id)
    assert started.status == PayoutStatus.IN_TRANSIT
    return started


def from_stripe(name: str, *, account: str | None, order: Order) -> PartnerEvent:
    """What Stripe sends, signed, of an object whose metadata names an order."""
    event = json.loads((SAMPLES / f"event_{name}.json").read_bytes())
    event.update(id=f"evt_{order.id}_{account}", account=account)
    event["data"]["object"].update(payment_intent="pi_of_their_own", metadata={"order_id": order.id})
    body = json.dumps(event).encode()
    signature = library.WebhookSignature.generate_signature_header(body.decode(), WEBHOOK_SECRET)
    return read_webhook(body=body, headers={"stripe-signature": signature}, secrets=WEBHOOK_SECRET)


class TestAccounts:
    @pytest.mark.parametrize("name", ["dispute_closed", "refund_failed", "charge_refunded"])
    def test_a_seller_cannot_name_the_order_of_another(self, world: World, partners: Partners, name: str) -> None:
        victim = world.delivered(partners)
        event = from_stripe(name, account="acct_of_a_seller", order=victim)
        kept = handle(world, told(world, event, by=STRIPE), partners)
        assert (kept.status, kept.reason_code, kept.due_at) == (InboundStatus.IGNORED, "account_mismatch", None)
        assert world.stored_order(victim).version == victim.version

    @pytest.mark.parametrize("fields", [{"dispute": a_dispute(status=DisputeStatus.LOST)}, {}])
    def test_nor_can_any_adapter_let_one(self, world: World, partners: Partners, fields: dict[str, Any]) -> None:
        victim = world.delivered(partners)
        event = an_event(order_id=victim.id, account="acct_of_a_seller", **fields)
        kept = handle(world, told(world, event, by=STRIPE), partners)
        assert (kept.status, kept.reason_code) == (InboundStatus.IGNORED, "account_mismatch")
        assert world.stored_order(victim).version == victim.version

    @pytest.mark.parametrize(
        ("account", "status", "reason"), [("acct_good", "processed", None), ("acct_bad", "ignored", "account_mismatch")]
    )
    def test_a_payout_is_looked_up_for_the_account_that_it_goes_to(
        self, world: World, partners: Partners, payout: Payout, account: str, status: str, reason: str | None
    ) -> None:
        event = an_event(order_id=None, payout_id=payout.id, account=account)
        kept = handle(world, told(world, event, by=STRIPE), partners, seconds=4 * DAYS)
        assert (kept.status, kept.reason_code) == (status, reason)
        is_read = world.uow().payouts.get(payout.id).status == PayoutStatus.PAID
        assert is_read == (status == "processed")

    def test_what_an_account_does_on_its_own_is_not_retried(self, world: World, partners: Partners) -> None:
        event = an_event(order_id=None, reference="po_of_their_own", account="acct_good")
        kept = handle(world, told(world, event, by=STRIPE), partners)
        assert (kept.status, kept.reason_code) == (InboundStatus.IGNORED, "reference_unknown")


class TestLogs:
    @pytest.mark.parametrize(("account", "logged"), [("acct_of_a_seller", 1), (None, 0)])
    def test_warn_of_what_was_not_believed(
        self,
        world: World,
        partners: Partners,
        caplog: pytest.LogCaptureFixture,
        account: str | None,
        logged: int,
    ) -> None:
        order = world.delivered(partners)
        inbound = told(world, an_event(order_id=order.id, account=account), by=STRIPE)
        delivery = Delivery(
            open_uow=lambda now: world.uow(now=now), partners=partners, now=lambda: later(0), receive_count=1
        )
        TASK_HANDLERS[PROCESS_INBOUND](delivery, inbound_id=inbound.id)
        warnings = [one for one in caplog.records if getattr(one, "event", None) == "inbound.not_believed"]
        assert len(warnings) == logged


class TestModes:
    @pytest.mark.parametrize(("livemode", "status"), [(True, "ignored"), (False, "processed"), (None, "processed")])
    def test_a_live_event_never_changes_a_test_shop(
        self,
        world: World,
        partners: Partners,
        livemode: bool | None,  # noqa: FBT001 - pytest gives it
        status: str,
    ) -> None:
        assert world.tenant.sandbox
        order = world.sold(partners)
        shipment_id = SHIPMENT_ID.sibling_of(order.id)
        event = an_event(order_id=None, shipment_id=shipment_id, tracking=(a_scan(),), livemode=livemode)
        kept = handle(world, told(world, event), partners)
        assert kept.status == status
        assert kept.reason_code == ("mode_mismatch" if status == "ignored" else None)
        is_shipped = world.stored_order(order).status == "shipped"
        assert is_shipped == (status == "processed")


class TestReferences:
    def test_that_belong_to_another_object_than_the_id_are_not_acted_on(self, world: World, partners: Partners) -> None:
        mine, other = world.sold(partners), world.sold(partners)
        assert mine.payment is not None
        event = an_event(order_id=other.id, reference=mine.payment.provider_reference, dispute=a_dispute())
        kept = handle(world, told(world, event, by=STRIPE), partners)
        assert (kept.status, kept.reason_code) == (InboundStatus.IGNORED, "reference_mismatch")
        assert not world.stored_order(other).is_disputed
