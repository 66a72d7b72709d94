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
from resale.domain.sellers import Seller, SellerNotFound, SellerPrivate, seller_id_of


class SellerView(msgspec.Struct, frozen=True, kw_only=True):
    """A seller account. ``available`` is the balance; a negative amount is owed.

    ``frozen`` is the part of it whose payments are disputed: it is not paid out before the disputes are over.
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
