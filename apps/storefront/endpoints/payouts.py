"""Payouts, started and cancelled by sellers; the brand sees all of them."""

from typing import Any, Final

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint, Idempotency
from apps.storefront.endpoints.histories import history_endpoint
from apps.storefront.parameters import PageQuery, none_if_unset
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.payouts import cancel_payout, start_payout
from resale.application.queries.payouts import (
    BrandPayout,
    PayoutPage,
    PayoutView,
    get_payout,
    list_payouts,
    payout_document,
    view_payout,
)
from resale.domain.entities import PAYOUT
from resale.domain.ids import PayoutId
from resale.domain.payouts import (
    NewPayout,
    NothingToPayOut,
    Payout,
    PayoutChanged,
    PayoutDestinationMissing,
    PayoutNotFound,
    PayoutTransitionRefused,
)
from resale.domain.sellers import PayoutAccountStopped, SellerChanged, seller_id_of
from resale.domain.transfers import TransferChanged
from resale.errors import Forbidden

_TAG: Final = "Money"
_VIEWS: Final = (PayoutView, BrandPayout)


@Endpoint(
    method="get",
    path="/v1/payouts",
    id="listPayouts",
    tag=_TAG,
    summary="List payouts, newest first",
    details="A shopper receives their own payouts, a brand all of them.",
    access=Access.PARTY,
    scope=Scope.PAYOUTS_READ,
    query=PageQuery,
    responses=_VIEWS,
    listed=True,
)
def list_own(context: Context[PageQuery, None]) -> PayoutPage:
    """List the caller's payouts; all of them for the brand."""
    query = context.query
    return list_payouts(
        reader=context.reader, principal=context.principal, limit=query.limit, cursor=none_if_unset(query.cursor)
    )


def _replay(context: Context[Any, Any], payout_id: str) -> PayoutView:
    return get_payout(reader=context.reader, principal=context.principal, payout_id=PayoutId(payout_id))


@Endpoint(
    method="post",
    path="/v1/payouts",
    id="startPayout",
    tag=_TAG,
    summary="Pay out the available balance",
    details=(
        "By `method`, or by the method of the seller account: cash to its payout destination, or store credit with "
        "the shop's bonus. Each sale can be paid out after the shop's delay, and is then also paid automatically; "
        "`waiting` is what is not due yet, `remainder` what is less than the payment provider can pay. Both stay on "
        "the balance."
    ),
    access=Access.SHOPPER,
    body=NewPayout,
    example={"method": "cash"},
    idempotency=Idempotency("start_payout", _replay, is_required=True),
    status=202,
    location="/v1/payouts",
    responses=(PayoutView,),
    tagged=True,
    problems=(NothingToPayOut, PayoutDestinationMissing, PayoutAccountStopped, SellerChanged, TransferChanged),
)
def start(context: Context[None, NewPayout]) -> PayoutView:
    """Pay out the caller's available balance."""
    customer_id = context.principal.customer_id
    if customer_id is None:
        raise NothingToPayOut("The balance has nothing available to pay out.")
    new = context.body
    payout = context.run(start_payout, seller_id=seller_id_of(customer_id), method=new.method, currency=new.currency)
    return _view(context, payout)


@Endpoint(
    method="get",
    path="/v1/payouts/{payout_id}",
    id="getPayout",
    tag=_TAG,
    summary="Retrieve a payout",
    access=Access.PARTY,
    scope=Scope.PAYOUTS_READ,
    responses=_VIEWS,
    tagged=True,
    problems=(PayoutNotFound,),
)
def get(context: Context[None, None], payout_id: PayoutId) -> PayoutView:
    """Return a payout."""
    return get_payout(reader=context.reader, principal=context.principal, payout_id=payout_id)


get_payout_history = history_endpoint(PAYOUT)


@Endpoint(
    method="post",
    path="/v1/payouts/{payout_id}/cancel",
    id="cancelPayout",
    tag=_TAG,
    summary="Cancel a payout",
    details=(
        "For the seller and the brand, while `may_be_cancelled` is true: until the payout is sent, moments after it "
        "was started. The amount is available again and paid out later automatically. Idempotent: repeating it has "
        "no effect."
    ),
    access=Access.PARTY,
    scope=Scope.PAYOUTS_WRITE,
    if_match=True,
    responses=_VIEWS,
    tagged=True,
    problems=(PayoutNotFound, Forbidden, PayoutTransitionRefused, PayoutChanged, SellerChanged, TransferChanged),
)
def cancel(context: Context[None, None], payout_id: PayoutId) -> PayoutView:
    """Cancel a payout that was not sent."""
    return _view(context, context.run(cancel_payout, payout_id=payout_id))


def _view(context: Context[Any, Any], payout: Payout) -> PayoutView:
    return view_payout(principal=context.principal, document=payout_document(payout))
