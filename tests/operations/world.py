"""A tenant's data to act on: shoppers, listings in a wanted state, and a payment provider with books of its own."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from resale.application import ports
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import (
    Decision,
    Moderation,
    create_listing,
    moderate_listing,
    submit_listing,
)
from resale.application.operations.orders import advance_order, record_tracking, submit_order
from resale.application.operations.purchases import record_purchase
from resale.application.operations.sellers import edit_seller
from resale.application.ports import Reader, UnitOfWork
from resale.bootstrap import Container
from resale.domain.access import Principal, Role
from resale.domain.actors import Actor, ActorKind
from resale.domain.addresses import Address
from resale.domain.changes import ChangeType
from resale.domain.claims import Claim
from resale.domain.command_context import CommandContext, CommandKey
from resale.domain.ids import TRANSFER_ID, CustomerId, ListingId, PurchaseId, SellerId
from resale.domain.listings import Condition, Listing, NewListing, PriceInput, SlotInput
from resale.domain.media import Media, MediaStatus
from resale.domain.order_steps import OrderStep, next_step
from resale.domain.orders import NewOrder, Order
from resale.domain.purchases import NewPurchase, PaidPrice, Purchase, PurchaseCustomer
from resale.domain.sellers import Seller, SellerEdit, seller_id_of
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.tenants import Tenant
from resale.domain.transfers import Transfer
from tests.operations.partners import Partners
from tests.unit.builders import NOW, a_rendition

R = TypeVar("R")
BRAND = Principal(standing=Role.BRAND)
SHIP_FROM = Address(name="Sam Adeyemi", line1="2 Test Street", city="York", postal_code="YO1 1AA", country="GB")


class World:
    """One tenant, seen through the operations."""

    def __init__(self, container: Container, tenant: Tenant) -> None:
        self.container = container
        self.tenant = tenant

    # ------------------------------------------------------------ opening
    def uow(
        self,
        *,
        now: datetime = NOW,
        principal: Principal | None = None,
        key: CommandKey | None = None,
        expected_version: int | None = None,
    ) -> UnitOfWork:
        context = CommandContext(
            actor=Actor(kind=ActorKind.SYSTEM, id="test"),
            principal=principal,
            request_id="req_test",
            now=now,
            key=key,
            expected_version=expected_version,
        )
        return self.container.unit_of_work(self.tenant, context)

    @property
    def reader(self) -> Reader:
        return self.container.reader(self.tenant)

    def shopper(self) -> Shopper:
        return Shopper(
            issuer=self.tenant.oidc_issuer, subject=uuid.uuid4().hex, new_id=CustomerId(f"cus_{uuid.uuid4().hex}")
        )

    def principal(self, shopper: Shopper) -> Principal:
        customer_id = self.reader.find_customer_id(issuer=shopper.issuer, subject=shopper.subject)
        return Principal(customer_id=customer_id)

    # ------------------------------------------------------------ purchases
    def bought(self, shopper: Shopper, *, line: str | None = None, now: datetime = NOW, **fields: object) -> Purchase:
        """What the brand recorded of a shopper's past."""
        new = a_new_purchase(shopper, **fields)
        return record_purchase(self.uow(now=now, principal=BRAND), source="web", line=line or uuid.uuid4().hex, new=new)

    def purchase(self, purchase_id: PurchaseId) -> Purchase:
        found = self.uow().purchases.find(purchase_id)
        assert found is not None
        return found

    # ------------------------------------------------------------ listings
    def draft(self, seller: Shopper, *, now: datetime = NOW, **fields: object) -> tuple[Listing, tuple[Media, ...]]:
        return create_listing(self.uow(now=now), shopper=seller, new=a_new_listing(**fields))

    def make_ready(self, media: Media) -> None:
        uow = self.uow()
        stored = uow.media.get(media.listing_id, media.id)
        ready = msgspec.structs.replace(
            stored,
            status=MediaStatus.READY,
            original_sha256="b" * 64,
            perceptual_hash="c" * 16,
            renditions=(a_rendition(),),
            due_at=None,
        )
        uow.media.save(ready, change_type=ChangeType.IMAGE_READY)
        uow.commit()

    def pending(self, seller: Shopper, *, now: datetime = NOW, **fields: object) -> Listing:
        listing, slots = self.draft(seller, now=now, **fields)
        for slot in slots:
            self.make_ready(slot)
        return submit_listing(self.uow(now=now, principal=self.principal(seller)), listing_id=listing.id)

    def active(self, seller: Shopper, *, now: datetime = NOW, **fields: object) -> Listing:
        listing = self.pending(seller, now=now, **fields)
        approve = Moderation(decision=Decision.APPROVE)
        return moderate_listing(self.uow(now=now, principal=BRAND), listing_id=listing.id, moderation=approve)

    def listing(self, listing_id: ListingId) -> Listing:
        return self.uow().listings.get(listing_id)

    # ------------------------------------------------------------ orders
    def order(self, buyer: Shopper, listing: Listing, *, token: str = "tok_ok", now: datetime = NOW) -> Order:
        return submit_order(self.uow(now=now), shopper=buyer, new=a_new_order(listing.id, token=token))

    def advance(self, order: Order, partners: ports.Partners, *, now: datetime = NOW) -> Order:
        return advance_order(self.uow(now=now), partners=partners, order_id=order.id)

    def run(self, order: Order, partners: ports.Partners, *, now: datetime = NOW) -> Order:
        """Take one step after the other until there is none."""
        while next_step(self.stored_order(order), now=now) != OrderStep.NOTHING:
            self.advance(order, partners, now=now)
        return self.stored_order(order)

    def sold(self, partners: Partners, *, seller: Shopper | None = None, buyer: Shopper | None = None) -> Order:
        """An order that is paid, its label bought."""
        seller, buyer = seller or self.shopper(), buyer or self.shopper()
        listing = self.active(seller)
        edit_seller(self.uow(), shopper=seller, edit=SellerEdit(ship_from=SHIP_FROM))
        return self.run(self.order(buyer, listing), partners)

    def delivered(self, partners: Partners, *, seller: Shopper | None = None, buyer: Shopper | None = None) -> Order:
        """An order whose parcel arrived."""
        order = self.sold(partners, seller=seller, buyer=buyer)
        return self.scan(order, ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELIVERED)

    def scan(self, order: Order, *statuses: ShipmentStatus, now: datetime = NOW) -> Order:
        """The carrier reports."""
        for status in statuses:
            event = TrackingEvent(id=uuid.uuid4().hex, status=status, occurred_at=now)
            order = record_tracking(self.uow(now=now), order_id=order.id, events=(event,))
        return order

    def balances(self, order: Order) -> dict[str, int]:
        """What was booked for an order, by account."""
        sums: dict[str, int] = {}
        for entry in self.reader.iter_ledger_source(order.id):
            sums[entry.account] = sums.get(entry.account, 0) + entry.amount
        return {account: amount for account, amount in sums.items() if amount}

    def last_change(self, entity_id: str) -> tuple[str, str | None]:
        """Type and reason of the newest change of an entity, as its history has them."""
        row = self.reader.find_current_row(entity_id, parent_id=entity_id)
        assert row is not None
        return row.change.type, row.change.reason_code

    def transfer(self, order: Order) -> Transfer:
        """What an order earns."""
        return self.uow().transfers.get(order.id, TRANSFER_ID.sibling_of(order.id))

    def seller_account(self, order: Order) -> Seller | None:
        """The account of an order's seller."""
        return self.uow().sellers.find(seller_id_of(order.seller_id))

    def account_id_of(self, order: Order) -> SellerId:
        """The name of the account of an order's seller."""
        return seller_id_of(order.seller_id)

    def stored_order(self, order: Order) -> Order:
        return self.uow().orders.get(order.id)

    def stored_order_of(self, claim: Claim) -> Order:
        """The order a claim is about."""
        return self.uow().orders.get(claim.order_id)


class Interrupted:
    """A unit of work before whose commit something happens."""

    def __init__(self, uow: UnitOfWork, before_commit: Callable[[], object]) -> None:
        self._uow, self._before_commit = uow, before_commit

    def __getattr__(self, name: str) -> object:
        return getattr(self._uow, name)

    def commit(self) -> None:
        self._before_commit()
        self._uow.commit()


def a_new_listing(**fields: object) -> NewListing:
    values = {
        "title": "Waxed jacket",
        "product": f"jacket-{uuid.uuid4().hex[:8]}",
        "condition": Condition.VERY_GOOD,
        "price": PriceInput(amount=12_000, currency="GBP"),
        "images": (SlotInput(content_type="image/jpeg", bytes=1000),),
        **fields,
    }
    return msgspec.convert(values, NewListing, from_attributes=True)


def a_new_purchase(shopper: Shopper, **fields: object) -> NewPurchase:
    values = {
        "customer": PurchaseCustomer(subject=shopper.subject),
        "product": "jacket-01",
        "title": "Waxed jacket",
        "quantity": 1,
        "purchased_at": NOW - timedelta(days=400),
        "unit_price_paid": PaidPrice(amount=24_900, currency="GBP"),
        **fields,
    }
    return msgspec.convert(values, NewPurchase, from_attributes=True)


def a_new_order(listing_id: ListingId, *, token: str = "tok_ok") -> NewOrder:
    address = Address(name="Robin Okafor", line1="1 Test Street", city="Leeds", postal_code="LS1 1AA", country="GB")
    return NewOrder(listing_id=listing_id, shipping_address=address, payment_token=token)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def raised_by(action: Callable[[], R]) -> type[BaseException] | None:
    """What an action raises, to compare a lost race with a won one."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the caller compares the type
        return type(error)
    return None


def customer_of(world: World, shopper: Shopper) -> CustomerId:
    customer_id = world.principal(shopper).customer_id
    assert customer_id is not None
    return customer_id
