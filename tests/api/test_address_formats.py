"""Address forms over HTTP, and orders to countries whose addresses lack what British ones have."""

from typing import Any

import pytest
from django.test import Client

from tests.fixtures.storefront import ADDRESS, Front, checked


class TestAddressFormat:
    def test_needs_no_key_and_may_be_kept(self) -> None:
        path = "/v1/address_formats/US"
        response = Client().get(path)
        form = checked("GET", path, response).json
        assert response["Cache-Control"] == "public, max-age=86400"
        fields = {field["name"]: field for field in form["fields"]}
        assert fields["postal_code"]["label"] == "ZIP code"
        assert fields["region"]["required"] is True
        assert {"value": "CA", "label": "California"} in fields["region"]["options"]
        assert form["lines"][-2] == ["city", "region", "postal_code"]
        again = Client().get(path, headers={"If-None-Match": response["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    def test_a_country_without_postal_codes_has_no_such_field(self) -> None:
        form = Client().get("/v1/address_formats/HK").json()
        assert "postal_code" not in {field["name"] for field in form["fields"]}

    @pytest.mark.parametrize(("country", "said"), [("UK", "GB"), ("gb", "GB"), ("ZZ", "such as GB"), ("..", "such as")])
    def test_says_what_to_ask_for(self, country: str, said: str) -> None:
        path = f"/v1/address_formats/{country}"
        response = checked("GET", path, Client().get(path))
        assert (response.code, said in response.json["detail"]) == ("404 country_not_found", True)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"country": "HK", "region": "Kowloon"}, {"city": "", "postal_code": "", "region": "Kowloon"}),
        ({"country": "AE", "city": "Dubai"}, {"city": "Dubai", "postal_code": "", "region": "Dubai"}),
        ({"country": "IE", "city": "Dublin"}, {"city": "Dublin", "postal_code": "", "region": ""}),
        ({"country": "SG", "postal_code": "546080"}, {"city": "", "postal_code": "546080", "region": ""}),
        ({"country": "VA"}, {"city": "", "postal_code": "", "region": ""}),
        ({"country": "GI"}, {"city": "", "postal_code": "", "region": ""}),
        (
            {"country": "US", "city": "Reno", "region": "nevada", "postal_code": "89501"},
            {"city": "Reno", "postal_code": "89501", "region": "NV"},
        ),
    ],
)
def test_an_order_goes_to_any_country(front: Front, sent: dict[str, Any], kept: dict[str, Any]) -> None:
    buyer = front.shopper()
    listing = front.world.active(front.shopper(), hs_code="620193", origin_country="PT")
    address = {"name": ADDRESS["name"], "line1": ADDRESS["line1"], **sent}
    ordered = front.buy(listing, by=buyer, shipping_address=address)
    assert ordered.status == 202
    for seen in (ordered, front.get(ordered.headers["Location"], by=buyer)):
        assert {name: seen.json["shipping_address"][name] for name in kept} == kept


def test_an_order_across_a_customs_border_needs_customs_data(front: Front) -> None:
    buyer, listing = front.shopper(), front.world.active(front.shopper())
    address = {"name": ADDRESS["name"], "line1": ADDRESS["line1"], "country": "IE", "city": "Dublin"}
    refused = front.buy(listing, by=buyer, shipping_address=address)
    assert (refused.status, refused.json["code"]) == (409, "customs_data_missing")
