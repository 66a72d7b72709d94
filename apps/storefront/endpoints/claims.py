"""Claims: opened and withdrawn by buyers, resolved by the brand."""

from typing import Any, Final

import msgspec

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint, Idempotency
from apps.storefront.endpoints.histories import history_endpoint
from apps.storefront.parameters import NoBody, PageQuery, none_if_unset
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.claims import add_evidence, open_claim, resolve_claim, withdraw_claim
from resale.application.operations.orders import RefundUnderWay
from resale.application.queries.claims import (
    BrandClaim,
    BuyerClaim,
    ClaimPage,
    ClaimView,
    SellerClaim,
    claim_document,
    get_claim,
    list_claims,
    list_evidence,
    view_claim,
)
from resale.domain.amount_rules import AmountNotSupported
from resale.domain.claims import (
    Claim,
    ClaimChanged,
    ClaimExists,
    ClaimNotFound,
    ClaimTransitionRefused,
    NewClaim,
    NewEvidence,
    RefundAmountRefused,
    Resolution,
    TooMuchEvidence,
)
from resale.domain.entities import CLAIM
from resale.domain.ids import ClaimId, OrderId
from resale.domain.orders import OrderChanged, OrderNotFound, OrderTransitionRefused
from resale.domain.sellers import SellerChanged
from resale.domain.transfers import TransferChanged
from resale.errors import Forbidden

_TAG: Final = "Claims"
_COLLECTION: Final = "/v1/claims"
_VIEWS: Final = (BuyerClaim, SellerClaim, BrandClaim)
_ACTED_ON: Final = (ClaimNotFound, Forbidden, ClaimTransitionRefused, ClaimChanged, OrderChanged, SellerChanged)
#: A claim that comes to nothing completes its order, which pays the seller.
_CLOSED: Final = (*_ACTED_ON, TransferChanged)


@Endpoint(
    method="post",
    path="/v1/orders/{order_id}/claims",
    id="openClaim",
    tag=_TAG,
    summary="Open a claim for an order",
    details=(
        "For the buyer of a delivered order, until `claim_until`. The seller's earnings stay on hold until the "
        "claim is closed. An order has at most one claim. Idempotent: repeating the same claim returns it."
    ),
    access=Access.SHOPPER,
    body=NewClaim,
    example={"reason": "not_as_described", "description": "The lining is torn, and no photo shows it."},
    status=201,
    location=_COLLECTION,
    responses=(BuyerClaim,),
    tagged=True,
    problems=(OrderNotFound, Forbidden, ClaimExists, OrderTransitionRefused, OrderChanged, ClaimChanged),
)
def open_(context: Context[None, NewClaim], order_id: OrderId) -> ClaimView:
    """Open a claim for a delivered order."""
    return _view(context, context.run(open_claim, order_id=order_id, new=context.body))


@Endpoint(
    method="get",
    path=_COLLECTION,
    id="listClaims",
    tag=_TAG,
    summary="List claims, newest first",
    details="A buyer receives their own claims, a brand the ones that are not closed. Without descriptions and notes.",
    access=Access.PARTY,
    scope=Scope.CLAIMS_READ,
    query=PageQuery,
    responses=_VIEWS,
    listed=True,
)
def list_own(context: Context[PageQuery, None]) -> ClaimPage:
    """List the caller's claims; for the brand, those that are not closed."""
    query = context.query
    return list_claims(
        reader=context.reader, principal=context.principal, limit=query.limit, cursor=none_if_unset(query.cursor)
    )


@Endpoint(
    method="get",
    path="/v1/claims/{claim_id}",
    id="getClaim",
    tag=_TAG,
    summary="Retrieve a claim",
    details="Includes its photos. Each `url` expires after 15 minutes.",
    access=Access.PARTY,
    scope=Scope.CLAIMS_READ,
    responses=_VIEWS,
    tagged=True,
    revalidated=False,  # links to its photos end
    problems=(ClaimNotFound,),
)
def get(context: Context[None, None], claim_id: ClaimId) -> ClaimView:
    """Return a claim as the caller sees it."""
    return _with_evidence(context, get_claim(reader=context.reader, principal=context.principal, claim_id=claim_id))


def _replay(context: Context[Any, Any], claim_id: str) -> ClaimView:
    view = get_claim(reader=context.reader, principal=context.principal, claim_id=ClaimId(claim_id))
    return _with_evidence(context, view)


@Endpoint(
    method="post",
    path="/v1/claims/{claim_id}/evidence",
    id="addEvidence",
    tag=_TAG,
    summary="Add a photo to a claim",
    details=(
        "For the buyer, until the claim is resolved. The last entry of `evidence` has an upload form in `upload`: "
        "POST its `fields` and then `file` as multipart/form-data to its `url`. Photos are never public: each `url` "
        "expires."
    ),
    access=Access.SHOPPER,
    body=NewEvidence,
    idempotency=Idempotency("add_evidence", _replay),
    status=201,
    location=_COLLECTION,
    responses=(BuyerClaim,),
    tagged=True,
    problems=(*_ACTED_ON, TooMuchEvidence),
)
def add(context: Context[None, NewEvidence], claim_id: ClaimId) -> ClaimView:
    """Add an evidence photo."""
    claim = context.run(add_evidence, claim_id=claim_id, new=context.body)
    return _with_evidence(context, _view(context, claim))


@Endpoint(
    method="post",
    path="/v1/claims/{claim_id}/withdraw",
    id="withdrawClaim",
    tag=_TAG,
    summary="Withdraw a claim",
    details="For the buyer. The order is completed. Idempotent: repeating it has no effect.",
    access=Access.SHOPPER,
    body=NoBody,
    is_body_required=False,
    responses=(BuyerClaim,),
    tagged=True,
    problems=_CLOSED,
)
def withdraw(context: Context[None, NoBody], claim_id: ClaimId) -> ClaimView:
    """Withdraw a claim."""
    return _view(context, context.run(withdraw_claim, claim_id=claim_id))


@Endpoint(
    method="post",
    path="/v1/claims/{claim_id}/resolve",
    id="resolveClaim",
    tag=_TAG,
    summary="Resolve a claim",
    details=(
        "`approve`: the buyer returns the item, a return label is bought, and its first scan (or its delivery, by "
        "the policy `refund_return_at`) starts the refund. "
        "`approve_without_return`: the order is refunded in full, or by `refund_amount`, and the buyer keeps the "
        "item. `request_evidence` and `deny` require a `note` to the buyer. Idempotent: repeating the same decision "
        "has no effect."
    ),
    access=Access.BRAND,
    scope=Scope.CLAIMS_WRITE,
    body=Resolution,
    example={"decision": "approve", "note": "Sorry about that; please send it back."},
    if_match=True,
    responses=(BrandClaim,),
    tagged=True,
    problems=(*_CLOSED, RefundAmountRefused, AmountNotSupported, OrderTransitionRefused, RefundUnderWay),
)
def resolve(context: Context[None, Resolution], claim_id: ClaimId) -> ClaimView:
    """Resolve a claim."""
    return _view(context, context.run(resolve_claim, claim_id=claim_id, resolution=context.body))


get_claim_history = history_endpoint(CLAIM)


def _view(context: Context[Any, Any], claim: Claim) -> ClaimView:
    return view_claim(reader=context.reader, principal=context.principal, document=claim_document(claim))


def _with_evidence(context: Context[Any, Any], view: ClaimView) -> ClaimView:
    """Add the evidence photos; only the buyer receives upload forms."""
    photos = list_evidence(
        reader=context.reader,
        links=context.links,
        forms=context.uploads if isinstance(view, BuyerClaim) else None,
        claim_id=view.id,
        now=context.now,
    )
    return msgspec.structs.replace(view, evidence=photos)
