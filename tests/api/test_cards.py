"""No payment card number enters the API, and none is said again: not in the response, not in a log line."""

import json
import logging
import re
from collections.abc import Iterator

import pytest
from django.test import Client

from apps.core.logs import Formatter
from tests.fixtures.storefront import Front, a_listing_body
from tests.fixtures.tenants import Shop

CARD = "4111111111111111"
REFUSED = (422, "card_number_refused")
WRITTEN = [CARD, "4111 1111 1111 1111", "4111-1111-1111-1111", "my card is 4111 1111 1111 1111, 12/27"]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is written down meanwhile, the card is not in it."""
    caplog.set_level(logging.DEBUG)
    yield
    lines = [f"{Formatter().format(record)} {record.args}" for record in caplog.get_records("call")]
    assert lines
    assert not [line for line in lines if names_card(line)]


@pytest.mark.usefixtures("_base_api", "logged")
class TestRequests:
    @pytest.mark.parametrize("written", WRITTEN)
    @pytest.mark.parametrize(
        "body",
        [
            '{"title": "%s", "price": {"amount": 1}}',
            '{"title": "a", "price": {"amount": 1}, "extra": {"%s": "x"}}',
            '{"%s": 1}',
            '{"title": "a", "price": "%s"}',
            '["%s"',
            "%s",
        ],
    )
    def test_holds_none_in_a_body(self, client: Client, northwind: Shop, body: str, written: str) -> None:
        assert asked(client, northwind, body % written) == REFUSED

    @pytest.mark.parametrize(
        "body",
        [
            '{"title": "\\u0034111111111111111", "price": {"amount": 1}}',
            '{"title": "4111\\/1111\\/1111\\/1111", "price": {"amount": 1}}',
            '{"title": "a", "price": {"amount": 4111111111111111}}',
            '{"title": "a", "price": {"amount": 1}, "anything": [[{"x": "\\n4111\\u00a01111\\u00a01111\\u00a01111"}]]}',
        ],
    )
    def test_holds_none_behind_what_json_allows(self, client: Client, northwind: Shop, body: str) -> None:
        assert asked(client, northwind, body) == REFUSED

    @pytest.mark.parametrize("query", ["limit=%s", "nope=%s", "%s=1", "limit=1&limit=%s"])
    @pytest.mark.parametrize(
        "written", [CARD, "4111+1111+1111+1111", "4111%201111%201111%201111", "%34111111111111111"]
    )
    def test_holds_none_in_a_query(self, client: Client, northwind: Shop, query: str, written: str) -> None:
        response = client.get(f"/v1/things?{query % written}", headers={"X-API-Key": northwind.publishable.text})
        assert (response.status_code, response.json()["code"]) == REFUSED
        assert not names_card(response.content.decode())

    def test_holds_none_in_its_id(self, client: Client) -> None:
        response = client.get("/healthz", headers={"X-Request-Id": CARD})
        assert re.fullmatch(r"req_[0-9a-f]{32}", response["X-Request-Id"])

    def test_passes_what_is_no_card(self, client: Client, northwind: Shop) -> None:
        body = {"title": "GTIN 4006381333931", "price": {"amount": 1}, "extra": {"phone": "+49 1512 3456789"}}
        assert asked(client, northwind, json.dumps(body))[0] == 201


@pytest.mark.usefixtures("logged")
class TestStorefront:
    def test_lists_nothing_that_names_a_card(self, front: Front) -> None:
        seller = front.shopper()
        body = a_listing_body(description=f"Pay me: {CARD}")
        assert front.post("/v1/listings", body, by=seller).code == "422 card_number_refused"

    def test_takes_no_card_for_a_token(self, front: Front) -> None:
        listing = front.world.active(front.world.shopper())
        for token in (CARD, f"tok {CARD}"):
            assert front.buy(listing, by=front.shopper(), payment_token=token).code == "422 card_number_refused"

    def test_finds_one_wherever_people_write(self, front: Front) -> None:
        seller = front.shopper()
        for fields in (
            {"title": f"Jacket {CARD}"},
            {"description": "Pay me: 4111\u00a01111\u00a01111\u00a01111"},
            {"description": CARD.translate({ord(digit): 0xFEE0 + ord(digit) for digit in "14"})},
            {"description": "4111.1111.1111.1111"},
            {"description": "My card:\n4111\n1111\n1111\n1111\n12/27"},
            {"custom_fields": {"card": "4111-1111-1111-1111"}},
            {"custom_fields": {"card": int(CARD)}},
        ):
            body = a_listing_body(**fields)
            assert front.post("/v1/listings", body, by=seller).code == "422 card_number_refused", fields

    @pytest.mark.parametrize("number", ["304-1234567-1234563", "39123456789010", CARD])
    def test_passes_ids_and_references(self, front: Front, number: str) -> None:
        seller = front.shopper()
        body = a_listing_body(product=number)
        made = front.post("/v1/listings", body, by=seller, headers={"Idempotency-Key": number})
        assert (made.status, made.json["product"]) == (201, number)
        assert front.get(f"/v1/listings?product={number}").status == 200
        mixed = a_listing_body(product=number, description=f"Pay me: {CARD}")
        assert front.post("/v1/listings", mixed, by=seller).code == "422 card_number_refused"

    def test_passes_a_marketplaces_order_number_in_text(self, front: Front) -> None:
        body = a_listing_body(description="Bought as 304-1234567-1234563, two of them")
        assert front.post("/v1/listings", body, by=front.shopper()).status == 201

    def test_takes_no_card_for_a_key(self, front: Front) -> None:
        response = front.buy("lst_" + "4" * 32, by=front.shopper(), key="4111-1111-1111-1111")
        assert response.code == "422 card_number_refused"


def names_card(text: str) -> bool:
    return CARD in re.sub(r"[ -]|%20|\\u00a0", "", text)


def asked(client: Client, shop: Shop, body: str) -> tuple[int, str]:
    """Send a body; status and code of the response, which quotes none of it."""
    response = client.post(
        "/v1/things", data=body, content_type="application/json", headers={"X-API-Key": shop.publishable.text}
    )
    assert not names_card(response.content.decode())
    return response.status_code, response.json().get("code", "")
