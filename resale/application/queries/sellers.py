"""A seller account as its owner sees it: balance, payout method and ship-from address."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.ports import Document, Reader
from resale.domain.access import Principal
from resale.domain.addresses import Address
from resale.domain.entities import SELLER
from resale.domain.ids import CustomerId, SellerId
from resale.domain.payouts import PayoutMethod
from resale.domain.sellers import PayoutAccountStatus, Seller, SellerNotFound, SellerPrivate, seller_id_of


class OtherBalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of a seller in another currency than that of the account."""

    currency: str
    available: int = 0
    frozen: int = 0
    store_credit: int = 0


class SellerView(msgspec.Struct, frozen=True, kw_only=True):
    """A seller account. ``available``, ``frozen`` and ``store_credit`` are of ``currency``; a negative amount is owed.

    ``frozen`` is the part of ``available`` whose payments are disputed: it is not paid out before the dispute ends.
    ``other_balances`` are of other currencies. ``payout_account_status`` is the state of the payout destination at the
    payment provider, and ``payout_requirements`` what the provider still requires of the seller, as its own codes.
    """

    id: SellerId
    object: str
    version: int
    customer_id: CustomerId
    currency: str
    available: int
    frozen: int = 0
    store_credit: int
    payout_method: PayoutMethod
    payout_destination: str | None
    payout_account_status: PayoutAccountStatus | None = None
    payout_requirements: tuple[str, ...] = ()
    other_balances: tuple[OtherBalanceView, ...] = ()
    next_payout_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    ship_from: Address | None = None


class _Due(msgspec.Struct):
    due_at: datetime | None = None


_DUE: Final = msgspec.json.Decoder(_Due).decode
_DECODE: Final = msgspec.json.Decoder(SellerView).decode
_ENCODER: Final = msgspec.json.Encoder()


def get_own_seller(*, reader: Reader, principal: Principal) -> SellerView:
    """Return the caller's own seller account.

    Shape: reads 1 item, and a data key.

    Raises:
        SellerNotFound: The caller has none yet: nothing sold, nothing said.
    """
    document = None if principal.customer_id is None else reader.find(SELLER, seller_id_of(principal.customer_id))
    if document is None:
        raise SellerNotFound("This customer has no seller account yet. Create it by updating it.")
    return view_seller(reader=reader, document=document)


def view_seller(*, reader: Reader, document: Document) -> SellerView:
    """Return the view of a seller document."""
    view = msgspec.structs.replace(_DECODE(document.doc), next_payout_at=_DUE(document.doc).due_at)
    if document.private is None:
        return view
    opened = reader.vault.open(document.private, SellerPrivate, owner_id=view.customer_id, entity_id=document.id)
    return msgspec.structs.replace(view, ship_from=opened.ship_from)


def seller_document(seller: Seller) -> Document:
    """Return the document of an account that an operation returned, so that all views are built from documents."""
    private = None if seller.private is UNSET else seller.private
    doc = _ENCODER.encode(msgspec.structs.replace(seller, private=UNSET))
    return Document(id=seller.id, version=seller.version, doc=doc, private=private)
