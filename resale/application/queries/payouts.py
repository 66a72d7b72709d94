"""Payouts as their seller and the brand see them."""

from datetime import datetime
from typing import Final

import msgspec

from resale.application.ports import Document, Page, Reader
from resale.domain.access import Action, Principal, Role, permits, role_towards
from resale.domain.ids import CustomerId, PayoutId
from resale.domain.payouts import Payout, PayoutMethod, PayoutNotFound, PayoutStatus


class PayoutView(msgspec.Struct, frozen=True, kw_only=True):
    """A payout. ``amount`` left the balance; ``bonus`` is what the shop adds to store credit.

    ``may_be_cancelled`` until its sending begins.
    """

    id: PayoutId
    object: str
    livemode: bool
    version: int
    status: PayoutStatus
    seller_id: CustomerId
    method: PayoutMethod
    amount: int
    bonus: int
    currency: str
    failure_code: str | None
    may_be_cancelled: bool = False
    created_at: datetime
    updated_at: datetime
    paid_at: datetime | None


class PayoutPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of payouts as JSON-ready views."""

    object: str = "list"
    data: tuple[PayoutView, ...]
    has_more: bool
    next_cursor: str | None


_DECODE: Final = msgspec.json.Decoder(PayoutView).decode
_ENCODER: Final = msgspec.json.Encoder()


def get_payout(*, reader: Reader, principal: Principal, payout_id: PayoutId) -> PayoutView:
    """Read one payout.

    Shape: reads 1 item.

    Raises:
        PayoutNotFound: None that the caller may see.
    """
    document = reader.find_payout(payout_id)
    if document is None:
        raise PayoutNotFound
    view = view_payout(document)
    role = role_towards(principal, owner_id=view.seller_id)
    if not permits(Action.VIEW_PAYOUT, role, view.status):
        raise PayoutNotFound
    return view


def view_payout(document: Document) -> PayoutView:
    """Turn a document into what its seller and the brand see."""
    return _DECODE(document.doc)


def list_payouts(*, reader: Reader, principal: Principal, limit: int, cursor: str | None) -> PayoutPage:
    """List payouts, newest first: the caller's own, or all of them for the brand.

    Shape: one query a shard; at most ``limit`` (1-100) payouts.

    Raises:
        InvalidCursor: Not a cursor of this list.
    """
    if principal.standing != Role.PUBLIC:
        page = reader.list_recent_payouts(limit=limit, cursor=cursor)
    elif principal.customer_id is None:
        page = Page(documents=(), next_cursor=None)
    else:
        page = reader.list_seller_payouts(seller_id=principal.customer_id, limit=limit, cursor=cursor)
    views = tuple(view_payout(document) for document in page.documents)
    return PayoutPage(data=views, has_more=page.next_cursor is not None, next_cursor=page.next_cursor)


def payout_document(payout: Payout) -> Document:
    """Make the document of a payout an operation returned, so that answers are rendered one way only."""
    return Document(id=payout.id, version=payout.version, doc=_ENCODER.encode(payout))
