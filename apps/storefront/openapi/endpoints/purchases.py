"""Endpoints of past purchases: recorded by the brand, listed by their shopper."""

from typing import Final

from apps.storefront.openapi import codes
from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from apps.storefront.parameters import PageQuery
from apps.storefront.purchases import PurchaseName
from resale.application.queries.history import HistoryList
from resale.application.queries.purchases import PurchaseView
from resale.domain import purchases
from resale.domain.customers import CustomerChanged
from resale.domain.purchases import NewPurchase
from resale.errors import Forbidden

PURCHASE_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/purchases",
        id="listPurchases",
        tag="Purchases",
        summary="The shopper's own past purchases, newest first",
        details="`claimable_quantity` is how many units of one can still be listed.",
        access=Access.SHOPPER,
        query=PageQuery,
        answers=(PurchaseView,),
        listed=True,
    ),
    Endpoint(
        method="get",
        path="/v1/purchases/{purchase_id}",
        id="getPurchase",
        tag="Purchases",
        summary="One past purchase",
        details="For its shopper and the brand.",
        access=Access.PARTY,
        scope="purchases:read",
        answers=(PurchaseView,),
        tagged=True,
        problems=codes_of(purchases.PurchaseNotFound),
    ),
    Endpoint(
        method="get",
        path="/v1/purchases/{purchase_id}/history",
        id="getPurchaseHistory",
        tag="Histories",
        summary="Everything that happened to a purchase, oldest first",
        details="With the verification of its whole chain of hashes.",
        access=Access.BRAND,
        scope="history:read",
        query=PageQuery,
        answers=(HistoryList,),
        problems=(*codes.LIST, *codes_of(purchases.PurchaseNotFound)),
    ),
    Endpoint(
        method="put",
        path="/v1/purchases/{source}/{line}",
        id="recordPurchase",
        tag="Purchases",
        summary="Record what a shopper bought",
        details=(
            "Makes the purchase, or replaces what was said of it; the same again changes nothing. Its customer is "
            "named by the `sub` of their tokens, whether they have signed in yet or not. `quantity` cannot go below "
            "what is listed or sold."
        ),
        access=Access.BRAND,
        scope="purchases:write",
        names=PurchaseName,
        body=NewPurchase,
        answers=(PurchaseView,),
        tagged=True,
        problems=codes_of(
            Forbidden,
            purchases.PurchaseClaimed,
            purchases.PurchaseChangedTooOften,
            purchases.PurchaseChanged,
            CustomerChanged,
        ),
    ),
)
