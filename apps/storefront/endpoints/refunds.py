"""Refunds by the brand; what becomes of one is seen in its order."""

from typing import Any

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint, Idempotency
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.orders import NewRefund, RefundTooLarge, RefundUnderWay, refund_order
from resale.application.queries.orders import BrandOrder, OrderView, get_order, order_document, view_order
from resale.domain.ids import OrderId
from resale.domain.orders import OrderChanged, OrderNotFound, OrderTransitionRefused
from resale.errors import Forbidden


def _refunded(context: Context[Any, Any], order_id: str) -> OrderView:
    return get_order(reader=context.reader, principal=context.principal, order_id=OrderId(order_id))


@Endpoint(
    method="post",
    path="/v1/refunds",
    id="refundOrder",
    tag="Money",
    summary="Give a buyer money back",
    details=(
        "Of an order that is shipped, delivered or completed: `amount` of it, or all that is left. The workflow "
        "pays it; read the order's `refunds`. After completion the seller's part is taken from their balance."
    ),
    access=Access.BRAND,
    scope=Scope.REFUNDS_WRITE,
    body=NewRefund,
    idempotency=Idempotency("refund_order", _refunded, is_required=True),
    status=202,
    location="/v1/orders",
    responses=(BrandOrder,),
    tagged=True,
    problems=(OrderNotFound, Forbidden, OrderTransitionRefused, RefundTooLarge, RefundUnderWay, OrderChanged),
)
def refund(context: Context[None, NewRefund]) -> OrderView:
    """Give a buyer some or all of their money back."""
    order = context.run(refund_order, new=context.body)
    return view_order(reader=context.reader, principal=context.principal, document=order_document(order))
