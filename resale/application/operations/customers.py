"""Shoppers become customers on their first write."""

import msgspec

from resale.application.ports import UnitOfWork
from resale.domain.customers import Customer
from resale.domain.ids import CustomerId


class Shopper(msgspec.Struct, frozen=True, kw_only=True):
    """Who a verified token speaks of: issuer and subject, nothing else.

    ``new_id`` is the customer they become if they are none yet: one for all tries of a request, so that a lost race
    leaves no key behind for a customer that never was.
    """

    issuer: str
    subject: str
    new_id: CustomerId


def enrol_shopper(uow: UnitOfWork, *, shopper: Shopper) -> CustomerId:
    """Find a shopper's customer, or buffer a new one into this unit of work; they act from here on.

    Shape: reads at most 1 item; commits nothing itself.

    Args:
        uow: Fresh; committed by the operation that calls this.
        shopper: Verified by the door.

    Returns:
        The customer's id.
    """
    found = uow.customers.find_id(issuer=shopper.issuer, subject=shopper.subject)
    uow.act_as(found or shopper.new_id)
    return found or _add(uow, shopper=shopper)


def find_or_add_customer(uow: UnitOfWork, *, shopper: Shopper) -> CustomerId:
    """Find the customer somebody else speaks of, or buffer a new one into this unit of work; who acts stays who acts.

    Shape: reads at most 1 item; commits nothing itself.

    Args:
        uow: Fresh; committed by the operation that calls this.
        shopper: By the subject that their tokens carry.

    Returns:
        The customer's id: the one they will be known by when they sign in.
    """
    found = uow.customers.find_id(issuer=shopper.issuer, subject=shopper.subject)
    return found or _add(uow, shopper=shopper)


def _add(uow: UnitOfWork, *, shopper: Shopper) -> CustomerId:
    customer = Customer(id=shopper.new_id, created_at=uow.now, updated_at=uow.now)
    uow.customers.add_shopper(customer, issuer=shopper.issuer, subject=shopper.subject)
    return customer.id
