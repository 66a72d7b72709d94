"""A parcel to send, and EasyPost's adapter to send it with."""

from resale.adapters.shipping.easypost import EasyPostShipping
from resale.adapters.shipping.easypost_shapes import reference_of
from resale.domain.addresses import Address
from resale.domain.ids import OrderId, ShipmentId
from resale.domain.parcel_sizes import Parcel
from resale.domain.shipments import LabelRequest
from resale.settings import Settings
from tests.adapters.aggregator import API_KEY

SHIPMENT = ShipmentId("shp_0197a0b1c2d37e4f8a9b0c1d2e3f4a5b")
OTHER = ShipmentId("shp_0197a0b1c2d37e4f8a9b0c1d2e3f4a5c")
REFERENCE = reference_of(SHIPMENT)
SECRET = "sécret"


def shipping_at(url: str, *, key: str = API_KEY, secret: str | None = SECRET, seconds: float = 5) -> EasyPostShipping:
    settings = Settings(lookup_secret=b"l", cursor_secret=b"c", easypost_url=url, shipping_timeout_seconds=seconds)
    return EasyPostShipping(settings, api_key=key, webhook_secret=secret)


PARCEL = Parcel(weight_grams=1_000, length_mm=350, width_mm=250, height_mm=100)


def a_request(
    shipment_id: ShipmentId = SHIPMENT, *, currency: str = "USD", parcel: Parcel | None = None
) -> LabelRequest:
    sender = Address(
        name="Jack Sparrow", line1="388 Townsend St", line2="Apt 20", city="San Francisco", region="CA",
        postal_code="94107", country="US", phone="+14155550101",
    )  # fmt: skip
    recipient = Address(
        name="Elizabeth Swan", line1="179 N Harbor Dr", city="Redondo Beach", postal_code="90277", country="US"
    )
    return LabelRequest(
        shipment_id=shipment_id,
        order_id=OrderId("ord_1"),
        sender=sender,
        recipient=recipient,
        parcel=parcel or PARCEL,
        currency=currency,
    )
