"""Endpoints of claims: opened, looked at, withdrawn, decided."""

from typing import Final

from apps.storefront.openapi import codes
from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from apps.storefront.parameters import NoBody, PageQuery
from resale.application.operations.orders import RefundUnderWay
from resale.application.queries.claims import BrandClaim, BuyerClaim, SellerClaim
from resale.application.queries.history import HistoryList
from resale.domain import claims, orders
from resale.domain.claims import NewClaim, NewEvidence, Resolution
from resale.domain.sellers import SellerChanged
from resale.domain.transfers import TransferChanged
from resale.errors import Forbidden

_VIEWS: Final = (BuyerClaim, SellerClaim, BrandClaim)
_ACTED_ON: Final = codes_of(
    claims.ClaimNotFound,
    Forbidden,
    claims.ClaimTransitionRefused,
    claims.ClaimChanged,
    orders.OrderChanged,
    SellerChanged,
)
#: A claim that comes to nothing completes its order, which pays the seller.
_CLOSED: Final = (*_ACTED_ON, *codes_of(TransferChanged))

CLAIM_ENDPOINTS: Final = (
    Endpoint(
        method="post",
        path="/v1/orders/{order_id}/claims",
        id="openClaim",
        tag="Claims",
        summary="Claim that something is wrong",
        details=(
            "Of a delivered order, while its claim window is open (`claim_until`). The seller's money stays held until "
            "the claim is closed. An order has one claim; the same claim again answers with it."
        ),
        access=Access.SHOPPER,
        body=NewClaim,
        status=201,
        answers=(BuyerClaim,),
        tagged=True,
        problems=codes_of(
            orders.OrderNotFound,
            Forbidden,
            claims.ClaimExists,
            orders.OrderTransitionRefused,
            orders.OrderChanged,
            claims.ClaimChanged,
        ),
    ),
    Endpoint(
        method="get",
        path="/v1/claims",
        id="listClaims",
        tag="Claims",
        summary="Claims, newest first",
        details="A buyer's own; for the brand, those that are not closed. Without what was written.",
        access=Access.PARTY,
        scope="claims:read",
        query=PageQuery,
        answers=_VIEWS,
        listed=True,
    ),
    Endpoint(
        method="get",
        path="/v1/claims/{claim_id}",
        id="getClaim",
        tag="Claims",
        summary="One claim",
        details="With its photos, each behind a link that ends after a quarter of an hour.",
        access=Access.PARTY,
        scope="claims:read",
        answers=_VIEWS,
        tagged=True,
        revalidated=False,  # links to its photos end
        problems=codes_of(claims.ClaimNotFound),
    ),
    Endpoint(
        method="post",
        path="/v1/claims/{claim_id}/evidence",
        id="addEvidence",
        tag="Claims",
        summary="Add a photo to a claim",
        details=(
            "By its buyer, while it is not decided. The last of `evidence` has a form in `upload`: POST its `fields` "
            "and then `file` as multipart/form-data to its `url`. A photo is never public: `url` ends soon."
        ),
        access=Access.SHOPPER,
        body=NewEvidence,
        key_required=False,
        status=201,
        answers=(BuyerClaim,),
        tagged=True,
        problems=(*_ACTED_ON, *codes_of(claims.TooMuchEvidence)),
    ),
    Endpoint(
        method="post",
        path="/v1/claims/{claim_id}/withdraw",
        id="withdrawClaim",
        tag="Claims",
        summary="Take a claim back",
        details="By its buyer; the order completes. Said again it changes nothing.",
        access=Access.SHOPPER,
        body=NoBody,
        body_required=False,
        answers=(BuyerClaim,),
        tagged=True,
        problems=_CLOSED,
    ),
    Endpoint(
        method="post",
        path="/v1/claims/{claim_id}/resolve",
        id="resolveClaim",
        tag="Claims",
        summary="Decide on a claim",
        details=(
            "`approve`: the item comes back, a return label is bought, its first scan starts the refund. "
            "`approve_without_return`: all of the money, or `refund_amount` of it, goes back and the item stays. "
            "`request_evidence`, `deny`: they need a `note` to the buyer. The same decision again changes nothing."
        ),
        access=Access.BRAND,
        scope="claims:write",
        body=Resolution,
        if_match=True,
        answers=(BrandClaim,),
        tagged=True,
        problems=(*_CLOSED, *codes_of(claims.RefundAmountRefused, orders.OrderTransitionRefused, RefundUnderWay)),
    ),
    Endpoint(
        method="get",
        path="/v1/claims/{claim_id}/history",
        id="getClaimHistory",
        tag="Histories",
        summary="Everything that happened to a claim, oldest first",
        details="With the verification of its whole chain of hashes.",
        access=Access.BRAND,
        scope="history:read",
        query=PageQuery,
        answers=(HistoryList,),
        problems=(*codes.LIST, *codes_of(claims.ClaimNotFound)),
    ),
)
