"""What EasyPost makes customs forms of, as its documentation and its own library's recordings have it."""

import msgspec
import pytest

from resale.adapters.shipping.easypost import EasyPostShipping
from resale.domain.addresses import Address
from resale.domain.customs import Contents, CustomsDeclaration
from resale.domain.money import Money
from resale.domain.shipments import LabelRequest
from tests.adapters.aggregator import Aggregator, error
from tests.adapters.parcels import a_request

DECLARED = CustomsDeclaration(
    description="Waxed jacket", hs_code="620193", origin_country="PT", value=Money(12_050, "USD")
)


def abroad(country: str, *, customs: CustomsDeclaration | None = DECLARED, sender: str = "US") -> LabelRequest:
    request = a_request()
    recipient = Address(name="Robin Okafor", line1="1 Test Street", city="Somewhere", country=country)
    return msgspec.structs.replace(
        request,
        sender=msgspec.structs.replace(request.sender, country=sender),
        recipient=recipient,
        customs=customs,
    )


def sent(easypost: Aggregator) -> dict[str, object]:
    shipment: dict[str, object] = easypost.bodies[easypost.requests.index("POST /shipments")]["shipment"]
    return shipment


class TestCustomsInfo:
    def test_has_one_item_as_heavy_as_the_parcel(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        shipping.buy_label(abroad("GB"))
        assert sent(easypost)["customs_info"] == {
            "contents_type": "merchandise",
            "contents_explanation": "Waxed jacket",
            "customs_certify": True,
            "customs_signer": "Jack Sparrow",
            "eel_pfc": "NOEEI 30.37(a)",
            "non_delivery_option": "return",
            "restriction_type": "none",
            "customs_items": [
                {
                    "description": "Waxed jacket",
                    "quantity": 1,
                    "value": 120.5,
                    "currency": "USD",
                    "weight": 35.3,
                    "hs_tariff_number": "620193",
                    "origin_country": "PT",
                }
            ],
        }

    @pytest.mark.parametrize(
        ("sender", "recipient", "eel_pfc"),
        [("US", "GB", "NOEEI 30.37(a)"), ("US", "CA", "NOEEI 30.36"), ("GB", "US", None)],
    )
    def test_cites_the_exemption_of_exports_from_the_united_states(
        self, shipping: EasyPostShipping, easypost: Aggregator, sender: str, recipient: str, eel_pfc: str | None
    ) -> None:
        shipping.list_rates(abroad(recipient, sender=sender))
        info = sent(easypost)["customs_info"]
        assert isinstance(info, dict)
        assert info.get("eel_pfc") == eel_pfc

    def test_declares_a_return_and_whole_units_of_yen(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        back = msgspec.structs.replace(DECLARED, contents=Contents.RETURNED_GOODS, value=Money(12_050, "JPY"))
        shipping.list_rates(abroad("JP", customs=back))
        info = sent(easypost)["customs_info"]
        assert isinstance(info, dict)
        assert (info["contents_type"], info["customs_items"][0]["value"]) == ("returned_goods", 12_050)

    def test_is_left_out_where_no_border_is_crossed(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        shipping.buy_label(a_request())
        assert "customs_info" not in sent(easypost)

    def test_makes_another_shipment_than_one_without_it(self, shipping: EasyPostShipping, easypost: Aggregator) -> None:
        easypost.plan("POST /buy", response=(422, error("SHIPMENT.POSTAGE.FAILURE")))
        shipping.buy_label(abroad("GB", customs=None))
        label = shipping.buy_label(abroad("GB"))
        (sold,) = easypost.sold
        assert (label.provider_reference, len(easypost.shipments)) == (sold["id"], 2)
        assert sold["customs_info"] is not None
