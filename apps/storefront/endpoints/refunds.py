"""Refunds by the brand; the order shows their state."""

from typing import Any

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint, Idempotency
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.orders import NewRefund, RefundTooLarge, RefundUnderWay, refund_order
from resale.application.queries.orders import BrandOrder, OrderView, get_order, order_document, view_order
from resale.domain.amount_rules import AmountNotSupported
from resale.domain.ids import OrderId
from resale.domain.orders import OrderChanged, OrderNotFound, OrderTransitionRefused
from resale.errors import Forbidden


def _replay(context: Context[Any, Any], order_id: str) -> OrderView:
    return get_order(reader=context.reader, principal=context.principal, order_id=OrderId(order_id))


@Endpoint(
    method="post",
    path="/v1/refunds",
    id="refundOrder",
    tag="Money",
    summary="Refund an order",
    details=(
        "For an order that is shipped, delivered or completed, or has ended with a remaining amount: `amount`, or the "
        "full remaining amount. The refund "
        "is processed afterwards: read `refunds` of the order. After completion, the seller's share is taken from "
        "their balance."
    ),
    access=Access.BRAND,
    scope=Scope.REFUNDS_WRITE,
    body=NewRefund,
    idempotency=Idempotency("refund_order", _replay, is_required=True),
    status=202,
    location="/v1/orders",
    responses=(BrandOrder,),
    tagged=True,
    problems=(
        OrderNotFound,
        Forbidden,
        OrderTransitionRefused,
        RefundTooLarge,
        AmountNotSupported,
        RefundUnderWay,
        OrderChanged,
    ),
)
def refund(context: Context[None, NewRefund]) -> OrderView:
    """Refund an order, fully or partially."""
    order = context.run(refund_order, new=context.body)
    return view_order(reader=context.reader, principal=context.principal, document=order_document(order))
