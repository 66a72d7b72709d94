"""Past purchases as their customer and the brand see them."""

from datetime import datetime
from typing import Final

import msgspec

from resale.application.ports import Document, Page, Reader
from resale.domain.access import Principal
from resale.domain.entities import PURCHASE
from resale.domain.ids import CustomerId, PurchaseId
from resale.domain.money import Money
from resale.domain.purchases import Purchase, PurchaseNotFound


class PurchaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A past purchase. ``claimable_quantity`` is the number of its units that can still be listed."""

    id: PurchaseId
    object: str
    livemode: bool
    version: int
    source: str
    line: str
    customer_id: CustomerId
    product: str
    title: str
    quantity: int
    claimed_quantity: int
    claimable_quantity: int = 0
    unit_price_paid: Money | None
    purchased_at: datetime
    created_at: datetime
    updated_at: datetime


class PurchasePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of purchases as JSON-ready views."""

    object: str = "list"
    data: tuple[PurchaseView, ...]
    has_more: bool
    next_cursor: str | None


class _Owner(msgspec.Struct):
    customer_id: CustomerId
    status: str


_DECODE: Final = msgspec.json.Decoder(PurchaseView).decode
_OWNER: Final = msgspec.json.Decoder(_Owner).decode
_ENCODER: Final = msgspec.json.Encoder()


def get_purchase(*, reader: Reader, principal: Principal, purchase_id: PurchaseId) -> PurchaseView:
    """Return a past purchase.

    Shape: reads 1 item.

    Raises:
        PurchaseNotFound: None that the caller may see.
    """
    document = reader.find(PURCHASE, purchase_id)
    if document is None:
        raise PurchaseNotFound
    PURCHASE.authorize_view(principal, _OWNER(document.doc))
    return view_purchase(document)


def list_own_purchases(*, reader: Reader, principal: Principal, limit: int, cursor: str | None) -> PurchasePage:
    """List the caller's own purchases, newest first.

    Shape: one query; at most ``limit`` (1-100) purchases.

    Raises:
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    page = Page(documents=(), next_cursor=None)
    if principal.customer_id is not None:
        page = reader.list_customer_purchases(customer_id=principal.customer_id, limit=limit, cursor=cursor)
    views = tuple(view_purchase(document) for document in page.documents)
    return PurchasePage(data=views, has_more=page.next_cursor is not None, next_cursor=page.next_cursor)


def view_purchase(document: Document) -> PurchaseView:
    """Return the view of a purchase document."""
    view = _DECODE(document.doc)
    return msgspec.structs.replace(view, claimable_quantity=view.quantity - view.claimed_quantity)


def purchase_document(purchase: Purchase) -> Document:
    """Return the document of a purchase that an operation returned, so that all views are built from documents."""
    return Document(id=purchase.id, version=purchase.version, doc=_ENCODER.encode(purchase))
