"""Creation of customers, on the first write of a shopper."""

import msgspec

from resale.application.ports import UnitOfWork
from resale.domain.customers import Customer
from resale.domain.ids import CustomerId


class Shopper(msgspec.Struct, frozen=True, kw_only=True):
    """The identity in a verified token: issuer and subject.

    ``new_id`` is the customer they become if they are none yet: one for all tries of a request, so that a lost race
    leaves no key behind for a customer that never was.
    """

    issuer: str
    subject: str
    new_id: CustomerId


def enrol_shopper(uow: UnitOfWork, *, shopper: Shopper) -> CustomerId:
    """Return a shopper's customer, or buffer a new one; the shopper is the actor from here on.

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
    """Return the customer of a shopper named by somebody else, or buffer a new one; the actor does not change.

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
