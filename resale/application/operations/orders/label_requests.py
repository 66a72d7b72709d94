"""The request of a label: who sends what to whom, as it was frozen at the sale."""

from resale.application.ports import UnitOfWork
from resale.domain.addresses import Address
from resale.domain.customs import Contents
from resale.domain.ids import ShipmentId
from resale.domain.money import Money
from resale.domain.orders import Order
from resale.domain.shipments import LabelRequest
from resale.domain.shipping_data import ShippingData, declaration_of, shipping_data_of


def build_label_request(
    uow: UnitOfWork,
    *,
    order: Order,
    shipment_id: ShipmentId,
    sender: Address,
    recipient: Address,
    contents: Contents = Contents.MERCHANDISE,
) -> LabelRequest:
    """Build the request of a label for the item of an order.

    Raises:
        CustomsDataMissing: The parcel crosses a customs border, and nobody said what is in it.
        ExportFilingRequired: It leaves the United States and is worth too much.
    """
    data = item_data(uow, order=order)
    return LabelRequest(
        shipment_id=shipment_id,
        order_id=order.id,
        sender=sender,
        recipient=recipient,
        parcel=data.parcel,
        currency=order.currency,
        customs=declaration_of(
            data,
            title=order.listing.title,
            sender=sender,
            recipient=recipient,
            value=item_value(order=order),
            contents=contents,
        ),
    )


def item_data(uow: UnitOfWork, *, order: Order) -> ShippingData:
    """Return what was frozen of the item at the sale; of an older order, what the shop says of the product today."""
    frozen = order.listing.shipping
    policies, product = uow.tenant.policies, order.listing.product
    return frozen or shipping_data_of(product, policies=policies, country=order.market)


def item_value(*, order: Order) -> Money:
    """Return what the buyer pays for the item itself."""
    return Money(amount=order.amounts.item_total, currency=order.currency)
