"""Every operation while the store does what was asked and its response is lost: it succeeds, once."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import pytest

from apps.core.execution import run_with_attempts
from apps.workers.changes.consumer import ChangesConsumer
from deploy.local.engines.local import LocalEngines
from resale.application.operations.clocks import advance_test_clock, create_test_clock
from resale.application.operations.customers import Shopper
from resale.application.operations.inbound import Settlement, record_inbound, settle_inbound
from resale.application.operations.listings import (
    Decision,
    Moderation,
    create_listing,
    edit_listing,
    moderate_listing,
    submit_listing,
    withdraw_listing,
)
from resale.application.operations.media import process_image
from resale.application.operations.orders import (
    Acknowledgement,
    acknowledge_order,
    advance_order,
    cancel_order,
    confirm_receipt,
    record_dispute,
    record_tracking,
    submit_order,
)
from resale.application.operations.payouts import cancel_payout, start_payout
from resale.application.operations.postponing import postpone_step
from resale.application.operations.purchases import record_purchase
from resale.application.operations.sellers import edit_seller
from resale.application.ports import UnitOfWork
from resale.application.queries.history import verify_history
from resale.application.queries.listings import list_seller_listings
from resale.application.queries.orders import list_orders
from resale.bootstrap import Container
from resale.domain.clocks import ClockAdvance, NewClock
from resale.domain.command_context import CommandKey, command_key
from resale.domain.ids import InboundId
from resale.domain.inbound import InboundCommand, inbound_id_of
from resale.domain.listings import ListingEdit
from resale.domain.media import Media, original_key
from resale.domain.orders import Order
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.purchases import NewPurchase, purchase_id_of
from resale.domain.sellers import SellerEdit, seller_id_of
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.tenants import Tenant
from resale.settings import Settings
from tests.faults.proxy import Fault, FaultProxy
from tests.fixtures.pictures import jpeg, scene
from tests.fixtures.streams import find_end
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, SHIP_FROM, World, a_new_listing, a_new_order, a_new_purchase
from tests.unit.builders import NOW
from tests.unit.events import a_connection, a_partner_event

Operation = Callable[[UnitOfWork], object]
_WRITES = ("PutItem", "UpdateItem", "TransactWriteItems")


@pytest.fixture
def proxy(engines: LocalEngines, tenants: tuple[Tenant, Tenant]) -> Iterator[FaultProxy]:
    with FaultProxy(engines.dynamodb_endpoints[tenants[0].account_id]) as made:
        yield made


@pytest.fixture
def lossy(
    proxy: FaultProxy, resale_settings: Settings, tenants: tuple[Tenant, Tenant], world: World
) -> Iterator[World]:
    """The same tenant behind the proxy."""
    account = tenants[0].account_id
    endpoints = {**resale_settings.dynamodb_endpoints, account: proxy.url}
    container = Container(msgspec.structs.replace(resale_settings, dynamodb_endpoints=endpoints))
    yield World(container, world.tenant)
    container.close()


class Loss:
    """Runs operations whose writes' first answers are all lost, and carries what they wrote to the history."""

    def __init__(self, world: World, lossy: World, proxy: FaultProxy) -> None:
        self.world, self._lossy, self._proxy = world, lossy, proxy
        self._began = find_end(world.container.streams(world.tenant))

    def run(self, operation: Operation, **opened: Any) -> None:
        """Run it as a door does, on a store that forgets to respond the first write of each kind."""
        self._proxy.clear()
        for write in _WRITES:
            self._proxy.inject(Fault.DROP_ANSWER, write, count=1)
        run_with_attempts(1, partial(self._lossy.uow, **opened), operation)
        assert self._proxy.injected() >= 1

    def changes_of(self, entity_id: str, parent_id: str | None = None) -> list[str]:
        """What happened to an entity; its history must be whole."""
        container, tenant = self.world.container, self.world.tenant
        url = tenant.resources.queues.changes.url
        written = container.streams(tenant).read(self._began)
        bodies = [body for batch in written for body in batch.bodies if entity_id in body]
        queues = container.queues(tenant)
        assert queues.send(url, bodies) == {}
        consumer = ChangesConsumer(
            tenant=tenant, queues=queues, history=container.history(tenant), read_row=container.history_row
        )
        while consumer.run_once(wait_seconds=0):
            pass
        reader = self.world.reader
        found = verify_history(reader=reader, entity_id=entity_id, parent_id=parent_id or entity_id)
        assert found.verified, found.findings
        return [row.change.type for row in reader.list_history(entity_id, limit=100, cursor=None).rows]


@pytest.fixture
def loss(world: World, lossy: World, proxy: FaultProxy) -> Loss:
    return Loss(world, lossy, proxy)


_PENDING = ["listing.created", "listing.submitted"]
_ACTIVE = [*_PENDING, "listing.approved"]
_RESERVED = [*_ACTIVE, "listing.reserved"]


class TestListings:
    @pytest.mark.parametrize("with_key", [False, True])
    def test_create(self, loss: Loss, with_key: bool) -> None:  # noqa: FBT001 - pytest gives it
        seller = loss.world.shopper()
        key = a_key(seller.subject) if with_key else None
        loss.run(lambda uow: create_listing(uow, shopper=seller, new=a_new_listing()), key=key)
        principal = loss.world.principal(seller)
        assert principal.customer_id is not None
        page = list_seller_listings(
            reader=loss.world.reader, principal=principal, seller_id=principal.customer_id, limit=10, cursor=None
        )
        (listing,) = page.data
        assert loss.changes_of(listing.id) == ["listing.created"]
        (media,) = loss.world.reader.list_media(listing.id)
        assert loss.changes_of(media.id, listing.id) == ["image.requested"]

    def test_edit(self, loss: Loss) -> None:
        seller = loss.world.shopper()
        listing, _ = loss.world.draft(seller)
        principal = loss.world.principal(seller)
        loss.run(
            lambda uow: edit_listing(uow, listing_id=listing.id, edit=ListingEdit(title="Waxed coat")),
            principal=principal,
            expected_version=1,
        )
        assert loss.world.listing(listing.id).title == "Waxed coat"
        assert loss.changes_of(listing.id) == ["listing.created", "listing.edited"]

    def test_submit(self, loss: Loss) -> None:
        seller = loss.world.shopper()
        listing, slots = loss.world.draft(seller)
        for slot in slots:
            loss.world.make_ready(slot)
        principal = loss.world.principal(seller)
        loss.run(lambda uow: submit_listing(uow, listing_id=listing.id), principal=principal)
        assert loss.changes_of(listing.id) == _PENDING

    def test_moderate(self, loss: Loss) -> None:
        listing = loss.world.pending(loss.world.shopper())
        approve = Moderation(decision=Decision.APPROVE)
        loss.run(lambda uow: moderate_listing(uow, listing_id=listing.id, moderation=approve), principal=BRAND)
        assert loss.changes_of(listing.id) == _ACTIVE

    def test_withdraw(self, loss: Loss) -> None:
        listing = loss.world.active(loss.world.shopper())
        loss.run(lambda uow: withdraw_listing(uow, listing_id=listing.id), principal=BRAND)
        assert loss.changes_of(listing.id) == [*_ACTIVE, "listing.withdrawn"]


class TestPurchases:
    def test_record_claim_and_release(self, loss: Loss) -> None:
        seller = loss.world.shopper()
        for title in ("Coat", "Waxed coat"):
            loss.run(_record(seller, a_new_purchase(seller, title=title, quantity=2)), principal=BRAND)
        purchase_id = purchase_id_of(tenant_id=loss.world.tenant.id, source="web", line=seller.subject)
        new = a_new_listing(purchase_id=purchase_id)
        loss.run(lambda uow: create_listing(uow, shopper=seller, new=new))
        assert loss.world.purchase(purchase_id).claimed_quantity == 1
        listing = loss.world.pending(seller, purchase_id=purchase_id)
        reject = Moderation(decision=Decision.REJECT)
        loss.run(lambda uow: moderate_listing(uow, listing_id=listing.id, moderation=reject), principal=BRAND)
        assert loss.world.purchase(purchase_id).claimed_quantity == 1
        other = loss.world.pending(seller, purchase_id=purchase_id)
        loss.run(lambda uow: withdraw_listing(uow, listing_id=other.id), principal=BRAND)
        assert loss.world.purchase(purchase_id).claimed_quantity == 1
        claimed, released = "purchase.claimed", "purchase.released"
        assert loss.changes_of(purchase_id) == [
            *["purchase.recorded"] * 2,
            claimed,
            claimed,
            released,
            claimed,
            released,
        ]


class TestOrders:
    @pytest.mark.parametrize("with_key", [False, True])
    def test_submit(self, loss: Loss, with_key: bool) -> None:  # noqa: FBT001 - pytest gives it
        listing, buyer = loss.world.active(loss.world.shopper()), loss.world.shopper()
        key, new = a_key(buyer.subject) if with_key else None, a_new_order(listing.id)
        loss.run(lambda uow: submit_order(uow, shopper=buyer, new=new), key=key)
        page = list_orders(
            reader=loss.world.reader, principal=loss.world.principal(buyer), as_seller=False, limit=10, cursor=None
        )
        (order,) = page.data
        assert loss.changes_of(order.id) == ["order.submitted"]
        assert loss.changes_of(listing.id) == _RESERVED

    def test_each_step_to_a_payout(self, loss: Loss) -> None:
        world, partners, buyer, seller = loss.world, Partners(), loss.world.shopper(), loss.world.shopper()
        edit = SellerEdit(ship_from=SHIP_FROM, payout_destination="acct_ok")
        loss.run(lambda uow: edit_seller(uow, shopper=seller, edit=edit))
        order = world.order(buyer, world.active(seller))
        owner, account_id = world.principal(buyer), seller_id_of(order.seller_id)
        steps: tuple[Operation, ...] = (
            *(_advance(order, partners) for _ in range(4)),
            _scan(order, ShipmentStatus.IN_TRANSIT),
            _scan(order, ShipmentStatus.DELIVERED),
            lambda uow: confirm_receipt(uow, order_id=order.id),
            _advance(order, partners),
            lambda uow: start_payout(uow, seller_id=account_id, method=None),
        )
        for step in steps:
            loss.run(step, principal=owner)
        self._cancel_payout(loss, order)
        assert loss.changes_of(order.id) == [
            "order.submitted",
            "order.payment_started",
            "order.payment_authorized",
            "order.confirmed",
            "order.label_issued",
            "order.shipped",
            "order.delivered",
            "order.receipt_confirmed",
            "order.completed",
        ]
        assert loss.changes_of(order.listing_id) == [*_RESERVED, "listing.sold"]
        assert (partners.payments.calls["authorise"], partners.payments.calls["capture"]) == (1, 1)
        assert partners.shipping.calls["buy_label"] == 1
        assert sum(world.balances(order).values()) == 0
        account = world.seller_account(order)
        assert account is not None
        assert account.available == 10_800

    def _cancel_payout(self, loss: Loss, order: Order) -> None:
        payout_id = loss.world.transfer(order).payout_id
        assert payout_id is not None
        loss.run(lambda uow: cancel_payout(uow, payout_id=payout_id), principal=BRAND)
        assert loss.changes_of(payout_id) == ["payout.created", "payout.cancelled"]

    def test_each_step_to_a_declined_order(self, loss: Loss) -> None:
        order, partners = ordered(loss.world), Partners(Books(decline=True))
        for _ in range(3):
            loss.run(_advance(order, partners))
        assert loss.changes_of(order.id) == [
            "order.submitted",
            "order.payment_started",
            "order.payment_failed",
            "order.cancelled",
        ]
        assert loss.changes_of(order.listing_id) == [*_RESERVED, "listing.released"]

    def test_cancel(self, loss: Loss) -> None:
        order = ordered(loss.world)
        loss.run(lambda uow: cancel_order(uow, order_id=order.id), principal=BRAND)
        assert loss.changes_of(order.id) == ["order.submitted", "order.cancelled"]
        assert loss.changes_of(order.listing_id) == [*_RESERVED, "listing.released"]

    def test_cancel_while_a_payment_runs(self, loss: Loss) -> None:
        order = ordered(loss.world)
        loss.world.advance(order, Partners())
        loss.run(lambda uow: cancel_order(uow, order_id=order.id), principal=BRAND)
        assert loss.changes_of(order.id) == ["order.submitted", "order.payment_started", "order.cancel_requested"]

    def test_put_off_and_take_note(self, loss: Loss) -> None:
        order = loss.world.delivered(Partners())
        lost = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraudulent")
        record_dispute(loss.world.uow(), order_id=order.id, dispute=lost)
        seen = Acknowledgement(reason="loss_taken")
        loss.run(lambda uow: acknowledge_order(uow, order_id=order.id, acknowledgement=seen), principal=BRAND)
        assert loss.changes_of(order.id)[-1] == "order.acknowledged"
        waiting = ordered(loss.world)
        loss.run(lambda uow: postpone_step(uow, entity_id=waiting.id, reason_code="partner_unavailable"))
        assert loss.changes_of(waiting.id) == ["order.submitted", "order.postponed"]
        assert loss.world.stored_order(waiting).step_tries == 1


class TestImages:
    def test_process(self, loss: Loss) -> None:
        photo = jpeg(scene(64, 48))
        media = uploaded(loss.world, photo)
        self._process(loss, media)
        assert loss.changes_of(media.id, media.listing_id) == ["image.requested", "image.ready"]

    def test_refuse(self, loss: Loss) -> None:
        media = uploaded(loss.world, b"not a picture at all")
        self._process(loss, media)
        assert loss.changes_of(media.id, media.listing_id) == ["image.requested", "image.rejected"]

    def _process(self, loss: Loss, media: Media) -> None:
        container = loss.world.container
        loss.run(
            lambda uow: process_image(
                uow,
                store=container.media_store(loss.world.tenant),
                codec=container.codec,
                listing_id=media.listing_id,
                media_id=media.id,
            )
        )


class TestInbound:
    def test_keep_and_settle(self, loss: Loss) -> None:
        event, told = a_partner_event(provider_event_id=loss.world.shopper().subject), a_connection()
        loss.run(lambda uow: record_inbound(uow, connection=told, event=event, payload=b"{}"))
        event_id = inbound_id_of(connection_id=told.id, provider_event_id=event.provider_event_id)
        waits = Settlement(command=None, reason_code="reference_unknown")
        done = Settlement(command=InboundCommand.PROCESS)
        for settlement in (waits, done):
            loss.run(_settle(event_id, settlement))
        assert loss.changes_of(event_id) == ["inbound.received", "inbound.postponed", "inbound.processed"]


@pytest.mark.usefixtures("no_clock_left")
class TestTestClocks:
    def test_create_and_advance(self, loss: Loss) -> None:
        loss.run(lambda uow: create_test_clock(uow, new=NewClock(), wall_now=NOW), principal=BRAND)
        clock = loss.world.reader.find_test_clock()
        assert clock is not None
        hour = ClockAdvance(seconds=3600)
        loss.run(lambda uow: advance_test_clock(uow, clock_id=clock.id, advance=hour, wall_now=NOW), principal=BRAND)
        assert loss.world.uow().clocks.get(clock.id).offset_seconds == 3600
        assert loss.changes_of(clock.id) == ["test_clock.created", "test_clock.advanced"]


def ordered(world: World) -> Order:
    return world.order(world.shopper(), world.active(world.shopper()))


def _record(seller: Shopper, new: NewPurchase) -> Operation:
    return lambda uow: record_purchase(uow, source="web", line=seller.subject, new=new)


def _advance(order: Order, partners: Partners) -> Operation:
    return lambda uow: advance_order(uow, partners=partners, order_id=order.id)


def _scan(order: Order, status: ShipmentStatus) -> Operation:
    event = TrackingEvent(id=str(status), status=status, occurred_at=NOW)
    return lambda uow: record_tracking(uow, order_id=order.id, events=(event,))


def _settle(event_id: InboundId, settlement: Settlement) -> Operation:
    return lambda uow: settle_inbound(uow, inbound_id=event_id, settlement=settlement)


def a_key(caller: str) -> CommandKey:
    return command_key(caller=caller, command="test", client_key="k", body=b"{}")


def uploaded(world: World, content: bytes, *, seller: Shopper | None = None) -> Media:
    """A draft's one slot, with something in it."""
    slot = {"content_type": "image/jpeg", "bytes": len(content)}
    _, (media,) = world.draft(seller or world.shopper(), images=(slot,))
    s3: Any = world.container.sessions.for_tenant(world.tenant).client("s3")
    s3.put_object(
        Bucket=world.tenant.resources.media_bucket, Key=original_key(media.listing_id, media.id), Body=content
    )
    return media
