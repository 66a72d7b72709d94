"""Past purchases: recorded by the brand, read by their shopper."""

from typing import Final

from apps.core.requests import Body
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.endpoints.histories import history_endpoint
from apps.storefront.parameters import PageQuery, none_if_unset
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.purchases import record_purchase
from resale.application.queries.purchases import (
    PurchasePage,
    PurchaseView,
    get_purchase,
    list_own_purchases,
    purchase_document,
    view_purchase,
)
from resale.domain.customers import CustomerChanged
from resale.domain.entities import PURCHASE
from resale.domain.ids import PurchaseId
from resale.domain.purchases import (
    Line,
    NewPurchase,
    PurchaseChanged,
    PurchaseChangedTooOften,
    PurchaseClaimed,
    PurchaseNotFound,
    Source,
)
from resale.errors import Forbidden

_TAG: Final = "Purchases"


class PurchaseName(Body, frozen=True, kw_only=True):
    """A brand's name of a purchase, which is in the path and a part of its id."""

    source: Source
    line: Line


@Endpoint(
    method="get",
    path="/v1/purchases",
    id="listPurchases",
    tag=_TAG,
    summary="List the shopper's past purchases, newest first",
    details="`claimable_quantity` is the number of units of a purchase that can still be listed.",
    access=Access.SHOPPER,
    query=PageQuery,
    responses=(PurchaseView,),
    listed=True,
)
def list_own(context: Context[PageQuery, None]) -> PurchasePage:
    """List the shopper's own purchases, newest first."""
    query = context.query
    return list_own_purchases(
        reader=context.reader, principal=context.principal, limit=query.limit, cursor=none_if_unset(query.cursor)
    )


@Endpoint(
    method="get",
    path="/v1/purchases/{purchase_id}",
    id="getPurchase",
    tag=_TAG,
    summary="Retrieve a past purchase",
    details="For its shopper and the brand.",
    access=Access.PARTY,
    scope=Scope.PURCHASES_READ,
    responses=(PurchaseView,),
    tagged=True,
    problems=(PurchaseNotFound,),
)
def get(context: Context[None, None], purchase_id: PurchaseId) -> PurchaseView:
    """Return a past purchase."""
    return get_purchase(reader=context.reader, principal=context.principal, purchase_id=purchase_id)


get_purchase_history = history_endpoint(PURCHASE)


@Endpoint(
    method="put",
    path="/v1/purchases/{source}/{line}",
    id="recordPurchase",
    tag=_TAG,
    summary="Record a past purchase of a shopper",
    details=(
        "Creates the purchase or replaces its data. Idempotent: repeating it has no effect. The customer is "
        "identified by the `sub` of their tokens, even before they sign in for the first time. `quantity` cannot be "
        "lower than the number of units that are listed or sold."
    ),
    access=Access.BRAND,
    scope=Scope.PURCHASES_WRITE,
    names=PurchaseName,
    body=NewPurchase,
    responses=(PurchaseView,),
    tagged=True,
    problems=(Forbidden, PurchaseClaimed, PurchaseChangedTooOften, PurchaseChanged, CustomerChanged),
)
def record(context: Context[None, NewPurchase], source: Source, line: Line) -> PurchaseView:
    """Record a past purchase, or update it."""
    purchase = context.run(record_purchase, source=source, line=line, new=context.body)
    return view_purchase(purchase_document(purchase))
