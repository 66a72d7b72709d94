"""Orders for measuring steps: bought, reported and read through operations, in this process."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from apps.core import clock
from bench import seeding
from resale.adapters.identifiers import new_id
from resale.application.operations.clocks import advance_test_clock, create_test_clock
from resale.application.operations.customers import Shopper
from resale.application.operations.inbound import record_inbound
from resale.application.operations.orders import submit_order
from resale.application.operations.sellers import edit_seller
from resale.application.ports import UnitOfWork
from resale.domain.access import Principal, Role
from resale.domain.addresses import Address
from resale.domain.clocks import ClockAdvance, NewClock
from resale.domain.ids import CUSTOMER_ID, CustomerId, InboundId, OrderId
from resale.domain.listings import Listing
from resale.domain.orders import NewOrder, Order
from resale.domain.partners import PartnerEvent, PartnerKind
from resale.domain.sellers import SellerEdit
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.tenants import Tenant

_BRAND: Final = Principal(standing=Role.BRAND)
_SHIP_FROM: Final = Address(name="Sam Adeyemi", line1="2 Test Street", city="York", postal_code="YO1 1AA", country="GB")
_HOME: Final = Address(name="Robin Okafor", line1="1 Test Street", city="Leeds", postal_code="LS1 1AA", country="GB")


class Sales:
    """The sales of one tenant between some sellers and as many buyers, in the tenant's time, which is advanced here."""

    def __init__(self, tenant: Tenant, *, party_count: int) -> None:
        """Create the parties, their ship-from addresses, and the tenant's test clock."""
        self.tenant = tenant
        self._sellers = seeding.enrol(tenant, party_count, named="step-seller")
        self._buyers = seeding.enrol(tenant, party_count, named="step-buyer")
        for subject, _ in self._sellers:
            edit = SellerEdit(ship_from=_SHIP_FROM)
            edit_seller(self._open(), shopper=self._shopper(subject), edit=edit)
        made = create_test_clock(self._open(), new=NewClock(), wall_now=clock.for_platform())
        self._clock_id = made.id

    def buy(self, count: int) -> tuple[OrderId, ...]:
        """Put items on sale and buy them, alternating between sellers and between buyers."""
        each = -(-count // len(self._sellers))
        listings = [self._put_on_sale(seller_id, each) for _, seller_id in self._sellers]
        in_turn = [listing for row in zip(*listings, strict=True) for listing in row][:count]
        return tuple(self._buy(listing, number) for number, listing in enumerate(in_turn))

    def read(self, order_ids: Sequence[OrderId]) -> tuple[Order, ...]:
        """Return the current orders."""
        return tuple(self._open().orders.get(order_id) for order_id in order_ids)

    def report(self, orders: Sequence[Order], status: ShipmentStatus) -> tuple[InboundId, ...]:
        """Record a carrier's webhook about each order's parcel, like the web role."""
        return tuple(self._record_event(order, status) for order in orders)

    def move_time(self, by: timedelta) -> None:
        """Advance the tenant's test clock."""
        advance_test_clock(
            self._open(),
            clock_id=self._clock_id,
            advance=ClockAdvance(seconds=int(by.total_seconds())),
            wall_now=clock.for_platform(),
        )

    def _put_on_sale(self, seller_id: CustomerId, count: int) -> tuple[Listing, ...]:
        return seeding.put_on_sale(self.tenant, seller_id=seller_id, count=count)

    def _buy(self, listing: Listing, number: int) -> OrderId:
        subject, _ = self._buyers[number % len(self._buyers)]
        new = NewOrder(listing_id=listing.id, shipping_address=_HOME, payment_token="tok_ok")  # noqa: S106 - the sandbox's
        return submit_order(self._open(), shopper=self._shopper(subject), new=new).id

    def _record_event(self, order: Order, status: ShipmentStatus) -> InboundId:
        if order.shipment is None:
            raise TypeError("a paid order has a shipment")
        uow = self._open()
        event = PartnerEvent(
            provider_event_id=uuid.uuid4().hex,
            kind="tracking",
            shipment_id=order.shipment.id,
            tracking=(TrackingEvent(id=uuid.uuid4().hex, status=status, occurred_at=uow.now),),
        )
        connection = next(one for one in self.tenant.connections if one.kind == PartnerKind.SHIPPING)
        return record_inbound(uow, connection=connection, event=event, payload=b"{}").id

    def _shopper(self, subject: str) -> Shopper:
        return Shopper(issuer=self.tenant.oidc_issuer, subject=subject, new_id=CUSTOMER_ID.new(new_id))

    def _open(self) -> UnitOfWork:
        return seeding.open_uow(self.tenant, now=clock.for_tenant(self.tenant, fresh=True), principal=_BRAND)
