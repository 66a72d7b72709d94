"""The base of order operations: transitions, the sealed part, and requests to partners."""

from datetime import timedelta

import msgspec
from msgspec import UNSET

from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.listings import LISTINGS, ListingCommand, transition_listing
from resale.domain.money import Money
from resale.domain.order_steps import payment_of
from resale.domain.orders import Order, OrderChanged, OrderPrivate
from resale.domain.payments import PaymentRequest
from resale.domain.return_urls import with_order_id


def scan_grace(uow: UnitOfWork) -> timedelta:
    """Return how long after a deadline a scan of the carrier can still be reported that was made before."""
    return timedelta(hours=uow.tenant.policies.scan_grace_hours)


def private_of(uow: UnitOfWork, *, order: Order) -> OrderPrivate:
    """Decrypt the sealed part of an order."""
    if order.private is UNSET:
        raise TypeError("an order has a sealed part")
    return uow.vault.open(order.private, OrderPrivate, owner_id=order.buyer_id, entity_id=order.id)


def seal_private(uow: UnitOfWork, *, order: Order, private: OrderPrivate) -> str:
    """Encrypt the part of an order that only its parties and steps can read."""
    return uow.vault.seal(private, owner_id=order.buyer_id, entity_id=order.id)


def payment_request(uow: UnitOfWork, *, order: Order) -> PaymentRequest:
    """Build the provider's request of a payment attempt, always with equal content."""
    payment, private = payment_of(order), private_of(uow, order=order)
    return PaymentRequest(
        attempt_id=payment.id,
        order_id=order.id,
        amount=Money(amount=order.amounts.grand_total, currency=order.currency),
        token=private.payment_token,
        provider_reference=payment.provider_reference,
        request_version=payment.request_version,
        return_url=None if private.return_url is None else with_order_id(private.return_url, order.id),
    )


def move_listing(uow: UnitOfWork, *, order: Order, command: ListingCommand, change_type: ChangeType) -> None:
    """Buffer the transition of the listing in the commit of its order.

    Raises:
        OrderChanged: The listing has moved: another worker took this step after the order was read. Read again.
    """
    listing = uow.listings.get(order.listing_id)
    if not LISTINGS.permits(listing.status, command):
        raise OrderChanged(f"The listing now has the status {listing.status}. Read the order again.")
    order_id = None if command == ListingCommand.RELEASE else listing.order_id
    uow.listings.save(
        transition_listing(msgspec.structs.replace(listing, order_id=order_id), command, now=uow.now),
        change_type=change_type,
    )
