"""Payouts as their seller and the brand see them."""

from datetime import datetime
from typing import Final

import msgspec

from resale.application.ports import Document, Page, Reader
from resale.domain.access import Principal, Role
from resale.domain.entities import PAYOUT
from resale.domain.ids import CustomerId, PayoutId
from resale.domain.payouts import Payout, PayoutMethod, PayoutNotFound, PayoutStatus


class PayoutView(msgspec.Struct, frozen=True, kw_only=True):
    """A payout. ``amount`` is debited from the balance; ``bonus`` is added by the shop to store credit.

    ``may_be_cancelled`` is true until the payout is sent. When the payout was started, ``remainder`` stayed on the
    balance because the payment provider cannot pay it in this currency, and ``waiting`` because the delay of its sales
    was not over; the first of them was due at ``waiting_until``.
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
    remainder: int = 0
    waiting: int = 0
    waiting_until: datetime | None = None
    created_at: datetime
    updated_at: datetime
    paid_at: datetime | None


class BrandPayout(PayoutView, frozen=True, kw_only=True):
    """A payout as the brand and its staff see it.

    ``issues`` are codes of what needs action, the most urgent first; ``attention`` is the first.
    """

    attention: str | None = None
    issues: tuple[str, ...] = ()
    partner_message: str | None = None
    due_at: datetime | None = None
    step_tries: int = 0


class PayoutPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of payouts as JSON-ready views."""

    object: str = "list"
    data: tuple[PayoutView, ...]
    has_more: bool
    next_cursor: str | None


class _Owner(msgspec.Struct):
    seller_id: CustomerId
    status: PayoutStatus


_OWNER: Final = msgspec.json.Decoder(_Owner).decode
_OWNERS_VIEW: Final = msgspec.json.Decoder(PayoutView).decode
_BRANDS_VIEW: Final = msgspec.json.Decoder(BrandPayout).decode
_ENCODER: Final = msgspec.json.Encoder()


def get_payout(*, reader: Reader, principal: Principal, payout_id: PayoutId) -> PayoutView:
    """Return a payout.

    Shape: reads 1 item.

    Raises:
        PayoutNotFound: None that the caller may see.
    """
    document = reader.find(PAYOUT, payout_id)
    if document is None:
        raise PayoutNotFound
    return view_payout(principal=principal, document=document)


def view_payout(*, principal: Principal, document: Document) -> PayoutView:
    """Return the caller's view of a payout document. Raises PayoutNotFound without permission."""
    payout = _OWNER(document.doc)
    role = PAYOUT.authorize_view(principal, payout)
    return _OWNERS_VIEW(document.doc) if role == Role.OWNER else _BRANDS_VIEW(document.doc)


def list_payouts(*, reader: Reader, principal: Principal, limit: int, cursor: str | None) -> PayoutPage:
    """List payouts, newest first: the caller's own, or all for the brand.

    Shape: one query a shard; at most ``limit`` (1-100) payouts.

    Raises:
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    if principal.standing != Role.PUBLIC:
        page = reader.list_recent_payouts(limit=limit, cursor=cursor)
    elif principal.customer_id is None:
        page = Page(documents=(), next_cursor=None)
    else:
        page = reader.list_by(PAYOUT, "seller_id", principal.customer_id, limit=limit, cursor=cursor)
    views = tuple(view_payout(principal=principal, document=document) for document in page.documents)
    return PayoutPage(data=views, has_more=page.next_cursor is not None, next_cursor=page.next_cursor)


def payout_document(payout: Payout) -> Document:
    """Return the document of a payout that an operation returned, so that all views are built from documents."""
    return Document(id=payout.id, version=payout.version, doc=_ENCODER.encode(payout))
