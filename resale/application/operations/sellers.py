"""Seller accounts: created when first needed, edited by their owner."""

from datetime import datetime, timedelta

import msgspec
from msgspec import UNSET

from resale.application.operations.customers import Shopper, enrol_shopper
from resale.application.ports import UnitOfWork
from resale.domain.addresses import Address, normalise_address
from resale.domain.changes import ChangeType
from resale.domain.edits import apply_edit
from resale.domain.ids import CustomerId
from resale.domain.partners import PartnerKind, provider_of
from resale.domain.sellers import (
    PayoutDestinationRefused,
    Seller,
    SellerEdit,
    SellerPrivate,
    seller_id_of,
    with_payout_account,
)
from resale.domain.versions import next_version
from resale.errors import FieldError, Rejected


class ShipFromMissing(Rejected):
    """The seller has no address that parcels are shipped from."""

    code = "ship_from_missing"
    title = "Ship-from address missing"
    default_detail = "The seller account has no address to ship from. Add `ship_from` to it first."


def edit_seller(uow: UnitOfWork, *, shopper: Shopper, edit: SellerEdit) -> Seller:
    """Edit payout method and ship-from address of a seller account. Without changes, nothing is written.

    Shape: reads at most 3 items; commits 1 (``seller.edited``), with the shopper's customer on their first write and
    the look-up of a new payout account.

    Args:
        uow: Fresh; committed here once.
        shopper: Whose account; made when there is none.
        edit: What to change; absent stays.

    Returns:
        The account.

    Raises:
        Invalid: The address lacks what its country needs.
        PayoutDestinationRefused: A new destination, in a shop that onboards its sellers at the provider.
        Conflict: Another writer won; read again.
    """
    customer_id = enrol_shopper(uow, shopper=shopper)
    before, is_new = seller_account_of(uow, customer_id=customer_id)
    _check_destination(uow, seller=before, edit=edit)
    seller = apply_edit(before, edit, except_for=("ship_from",))
    if edit.ship_from is not UNSET:
        seller = _with_ship_from(uow, seller, normalise_address(edit.ship_from, at="/ship_from"))
    if seller == before and not is_new:
        return before
    if seller.payout_destination != before.payout_destination:
        seller = _link_payout_account(uow, seller=seller)
    seller = msgspec.structs.replace(seller, due_at=next_payout_at(uow, seller=seller))
    seller = _save(uow, seller, is_new=is_new)
    uow.commit()
    return seller


def _check_destination(uow: UnitOfWork, *, seller: Seller, edit: SellerEdit) -> None:
    is_known = edit.payout_destination in {UNSET, seller.payout_destination, seller.payout_account}
    if not is_known and not uow.tenant.policies.typed_payout_destinations:
        detail = PayoutDestinationRefused.default_detail
        raise PayoutDestinationRefused(
            errors=(FieldError(pointer="/payout_destination", code="payout_destination_refused", detail=detail),)
        )


def seller_account_of(uow: UnitOfWork, *, customer_id: CustomerId) -> tuple[Seller, bool]:
    """Return a customer's seller account, or a new one to be added, and which of both. Commits nothing."""
    found = uow.sellers.find(seller_id_of(customer_id))
    if found is not None:
        return found, False
    made = Seller(
        id=seller_id_of(customer_id),
        customer_id=customer_id,
        currency=uow.tenant.currency,
        created_at=uow.now,
        updated_at=uow.now,
    )
    return made, True


def next_payout_at(uow: UnitOfWork, *, seller: Seller, not_before: datetime | None = None) -> datetime | None:
    """Return when a changed balance is paid out automatically; None if it cannot be. Commits nothing.

    An earlier wake-up stays. ``not_before`` is when the change can be paid, by default after the delay of a sale: so
    long a new destination waits, too.
    """
    if not seller.can_be_paid:
        return None
    changed_at = not_before or uow.now + timedelta(hours=uow.tenant.policies.payout_delay_hours)
    return changed_at if seller.due_at is None else min(seller.due_at, changed_at)


def ship_from_of(uow: UnitOfWork, *, customer_id: CustomerId, given: Address | None) -> Address:
    """Return the ship-from address of a seller; a new one is buffered into their account. Commits nothing.

    Raises:
        ShipFromMissing: None is given and none is known.
        Invalid: The given one lacks what its country needs.
    """
    seller, is_new = seller_account_of(uow, customer_id=customer_id)
    if given is None:
        known = _private_of(uow, seller).ship_from
        if known is None:
            raise ShipFromMissing("Send the address that the parcel is shipped from.")
        return known
    accepted = normalise_address(given, at="/ship_from")
    _save(uow, _with_ship_from(uow, seller, accepted), is_new=is_new)
    return accepted


def _link_payout_account(uow: UnitOfWork, *, seller: Seller) -> Seller:
    """Buffer the look-up of a seller by a new payout account; return the account with an unknown state.

    An account that another seller named first stays linked to that one: its events change nobody else.
    """
    if (account := seller.payout_destination) is not None:
        provider = provider_of(uow.tenant.connections, PartnerKind.PAYMENTS)
        if uow.references.find(provider=provider, reference=account) is None:
            uow.references.add(provider=provider, reference=account, entity_id=seller.id)
    return with_payout_account(seller, None)


def _with_ship_from(uow: UnitOfWork, seller: Seller, address: Address) -> Seller:
    if _private_of(uow, seller).ship_from == address:
        return seller
    sealed = uow.vault.seal(SellerPrivate(ship_from=address), owner_id=seller.customer_id, entity_id=seller.id)
    return msgspec.structs.replace(seller, private=sealed, ships_from_known=True)


def _save(uow: UnitOfWork, seller: Seller, *, is_new: bool) -> Seller:
    seller = next_version(seller, now=uow.now)
    if is_new:
        uow.sellers.add(seller, change_type=ChangeType.SELLER_EDITED)
    else:
        uow.sellers.save(seller, change_type=ChangeType.SELLER_EDITED)
    return seller


def _private_of(uow: UnitOfWork, seller: Seller) -> SellerPrivate:
    if seller.private is UNSET:
        return SellerPrivate()
    return uow.vault.open(seller.private, SellerPrivate, owner_id=seller.customer_id, entity_id=seller.id)
