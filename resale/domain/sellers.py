"""Seller accounts: payout method, destination, ship-from address, and the guarded balance."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.addresses import Address
from resale.domain.ids import SELLER_ID, CustomerId, SellerId
from resale.domain.payouts import PayoutMethod
from resale.domain.text import code
from resale.errors import Conflict, NotFound

SCHEMA: Final = 1

Destination = Annotated[str, code(r"^acct_[A-Za-z0-9_]+\Z", min_length=6, max_length=120)]


class SellerNotFound(NotFound):
    """The seller account does not exist."""

    code = "seller_not_found"
    title = "Seller account not found"
    default_detail = "This customer has no seller account yet. Create it by updating it."


class SellerChanged(Conflict):
    """Another writer changed the seller account first."""

    code = "seller_changed"
    title = "Seller account changed"
    default_detail = "Another request changed the seller account meanwhile. Read it again, then retry."


class SellerEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An update of a seller account. Fields that are absent do not change."""

    payout_method: PayoutMethod | UnsetType = UNSET
    payout_destination: Destination | UnsetType = UNSET
    ship_from: Address | UnsetType = UNSET


class SellerPrivate(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed part of an account: the ship-from address."""

    ship_from: Address | None = None


class Seller(msgspec.Struct, frozen=True, kw_only=True):
    """A seller account as stored. ``available`` is the sum of transfers; a negative amount is owed."""

    id: SellerId
    object: str = "seller"
    schema: int = SCHEMA
    version: int = 0
    status: str = "active"
    customer_id: CustomerId
    currency: str
    available: int = 0
    store_credit: int = 0
    payout_method: PayoutMethod = PayoutMethod.CASH
    payout_destination: str | None = None  # the provider's name of an account, not a bank account number
    ships_from_known: bool = False
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    private: str | UnsetType = UNSET

    @property
    def can_be_paid(self) -> bool:
        """Whether a payout can start automatically."""
        return self.available > 0 and (
            self.payout_method == PayoutMethod.STORE_CREDIT or self.payout_destination is not None
        )


def seller_id_of(customer_id: CustomerId) -> SellerId:
    """Return the id of a customer's seller account."""
    return SELLER_ID.sibling_of(customer_id)
