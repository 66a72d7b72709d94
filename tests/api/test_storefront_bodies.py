"""What a body may look like: a byte order mark, null for absent, numbers, keys given twice, and text."""

from typing import Any

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from tests.fixtures.storefront import ADDRESS, Front, Response, a_listing_body

INVALID = "422 validation_failed"
BOM = b"\xef\xbb\xbf"


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


def faults(response: Response) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in response.json["errors"]]


def drafted(front: Front, seller: Shopper, **fields: Any) -> Response:
    return front.post("/v1/listings", a_listing_body(**fields), by=seller)


class TestForm:
    def test_a_byte_order_mark_is_passed_over(self, front: Front, seller: Shopper) -> None:
        body = BOM + msgspec.json.encode(a_listing_body())
        assert front.post("/v1/listings", body, by=seller).status == 201

    @pytest.mark.parametrize("name", ["description", "custom_fields", "purchase_id"])
    def test_null_is_the_same_as_absent(self, front: Front, seller: Shopper, name: str) -> None:
        made = front.post("/v1/listings", {**a_listing_body(), name: None}, by=seller)
        without = front.post("/v1/listings", a_listing_body(**{name: None}), by=seller)
        assert (made.status, without.status) == (201, 201)
        assert made.json.get(name) == without.json.get(name)

    def test_null_leaves_what_is_edited(self, front: Front, seller: Shopper) -> None:
        made = drafted(front, seller).json
        edit = {"title": "Other", "description": None, "price": None, "images": None, "custom_fields": None}
        edited = front.patch(f"/v1/listings/{made['id']}", edit, by=seller)
        assert edited.status == 200
        assert edited.json["title"] == "Other"
        assert {name: edited.json[name] for name in ("description", "price", "custom_fields")} == {
            name: made[name] for name in ("description", "price", "custom_fields")
        }

    def test_null_in_an_address(self, front: Front, seller: Shopper) -> None:
        active = front.world.active(seller)
        address = {**ADDRESS, "line2": None, "region": None, "phone": None}
        assert front.buy(active, by=front.shopper(), shipping_address=address).status == 202

    @pytest.mark.parametrize("name", ["title", "product", "price", "images"])
    def test_null_is_no_value_of_a_required_field(self, front: Front, seller: Shopper, name: str) -> None:
        response = front.post("/v1/listings", {**a_listing_body(), name: None}, by=seller)
        assert (response.code, faults(response)) == (INVALID, [(f"/{name}", "wrong_type")])

    @pytest.mark.parametrize("written", ["12000.0", "1.2e4", "12000.000"])
    def test_a_whole_number_is_an_integer(self, front: Front, seller: Shopper, written: str) -> None:
        body = msgspec.json.encode(a_listing_body()).replace(b"12000", written.encode())
        made = front.post("/v1/listings", body, by=seller)
        assert (made.status, made.json["price"]["amount"]) == (201, 12_000)

    def test_a_fraction_is_none(self, front: Front, seller: Shopper) -> None:
        response = drafted(front, seller, price={"amount": 105.5, "currency": "GBP"})
        assert (response.code, faults(response)) == (INVALID, [("/price/amount", "wrong_type")])

    @pytest.mark.parametrize(
        ("once", "twice"),
        [
            (b'"title":', b'"title":"Other","title":'),
            (b'"amount":', b'"amount":1,"amount":'),
            (b'"size":', b'"size":"L","size":'),
            (b'"bytes":', b'"bytes":1 , "\\u0062ytes":'),
        ],
    )
    def test_a_key_given_twice_is_refused(self, front: Front, seller: Shopper, once: bytes, twice: bytes) -> None:
        body = msgspec.json.encode(a_listing_body()).replace(once, twice)
        assert front.post("/v1/listings", body, by=seller).code == "400 malformed_body"


class TestText:
    @pytest.mark.parametrize("text", ["\uffff", "Jacket \ufffe", "a\x00", "a\x1b[31m", "a\nb", "\u202eecaf", "\u2067a"])
    def test_of_one_line_holds_no_such_character(self, front: Front, seller: Shopper, text: str) -> None:
        response = drafted(front, seller, title=text)
        assert (response.code, faults(response)) == (INVALID, [("/title", "invalid_characters")])

    @pytest.mark.parametrize("text", [" ", "\u200b", "\u0301", "\u3164"])
    def test_that_shows_nothing_is_refused(self, front: Front, seller: Shopper, text: str) -> None:
        response = drafted(front, seller, title=text, description=text, custom_fields={"x": text})
        assert response.code == INVALID
        assert faults(response) == [("/title", "blank"), ("/description", "blank"), ("/custom_fields", "blank")]

    def test_is_normalised_before_its_length_is_counted(self, front: Front, seller: Shopper) -> None:
        made = drafted(front, seller, title="e\u0301" * 140, description="1\n2\t3", custom_fields={"x": "a\u030a"})
        assert made.status == 201
        assert made.json["title"] == "é" * 140
        assert (made.json["description"], made.json["custom_fields"]) == ("1\n2\t3", {"x": "å"})
        response = drafted(front, seller, title="\u0958" * 140)  # a composition that NFC takes apart
        assert faults(response) == [("/title", "too_long")]

    def test_that_was_stored_before_is_still_read(self, front: Front, seller: Shopper) -> None:
        listing, _ = front.world.draft(seller, title="Old \u202e\x1b\n")
        response = front.get(f"/v1/listings/{listing.id}", by=seller)
        assert (response.status, response.json["title"]) == (200, "Old \u202e\x1b\n")
