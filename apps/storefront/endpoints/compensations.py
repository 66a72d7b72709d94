"""Compensations of sellers, and the claims on carriers for lost parcels."""

from typing import Any, Final

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint, Idempotency
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.orders import (
    CarrierClaimClosed,
    ClaimDecision,
    CompensationRefused,
    CompensationTooLarge,
    NewCompensation,
    compensate_seller,
    settle_carrier_claim,
)
from resale.application.queries.orders import BrandOrder, OrderView, get_order, order_document, view_order
from resale.domain.ids import ORDER_ID, SHIPMENT_ID, OrderId, ShipmentId
from resale.domain.orders import Order, OrderChanged, OrderNotFound
from resale.domain.sellers import SellerChanged
from resale.domain.shipments import ShipmentNotFound
from resale.errors import Forbidden

_TAG: Final = "Money"


def _replay(context: Context[Any, Any], order_id: str) -> OrderView:
    return get_order(reader=context.reader, principal=context.principal, order_id=OrderId(order_id))


@Endpoint(
    method="post",
    path="/v1/orders/{order_id}/compensation",
    id="compensateSeller",
    tag=_TAG,
    summary="Compensate the seller of a refunded order",
    details=(
        "For a refunded order whose item is lost or with the buyer: the seller receives `amount`, or all that the "
        "refunds cost them. `borne_by` is `platform`, or `carrier_claim` if you claim the amount from the carrier. An "
        "order has one compensation."
    ),
    access=Access.BRAND,
    scope=Scope.REFUNDS_WRITE,
    body=NewCompensation,
    is_body_required=False,
    example={"reason": "agreed_with_seller"},
    idempotency=Idempotency("compensate_seller", _replay, is_required=True),
    if_match=True,
    responses=(BrandOrder,),
    tagged=True,
    problems=(OrderNotFound, Forbidden, CompensationRefused, CompensationTooLarge, OrderChanged, SellerChanged),
)
def compensate(context: Context[None, NewCompensation], order_id: OrderId) -> OrderView:
    """Pay the seller of a refunded order."""
    return _view(context, context.run(compensate_seller, order_id=order_id, new=context.body))


@Endpoint(
    method="post",
    path="/v1/shipments/{shipment_id}/carrier_claim",
    id="settleCarrierClaim",
    tag=_TAG,
    summary="Close the claim on a carrier for a lost parcel",
    details=(
        "For the parcel of an order (`shp_…`) with the issue `carrier_claim_open`. `paid_amount` is what the carrier "
        "credits to your account, 0 if it refused the claim. The rest is written off. Idempotent: repeating the same "
        "decision has no effect."
    ),
    access=Access.BRAND,
    scope=Scope.REFUNDS_WRITE,
    body=ClaimDecision,
    example={"paid_amount": 10_800},
    if_match=True,
    responses=(BrandOrder,),
    tagged=True,
    problems=(ShipmentNotFound, OrderNotFound, Forbidden, CarrierClaimClosed, OrderChanged),
)
def settle(context: Context[None, ClaimDecision], shipment_id: ShipmentId) -> OrderView:
    """Close the claim on a carrier."""
    if not SHIPMENT_ID.matches(shipment_id):
        raise ShipmentNotFound
    order = context.run(settle_carrier_claim, order_id=ORDER_ID.sibling_of(shipment_id), decision=context.body)
    return _view(context, order)


def _view(context: Context[Any, Any], order: Order) -> OrderView:
    return view_order(reader=context.reader, principal=context.principal, document=order_document(order))
