"""Bad input: each a 4xx problem document with a stable code and the wrong place, and nothing half-written."""

import re
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from apps.storefront.docs import ENDPOINTS
from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.permissions import Access
from resale.application.operations.customers import Shopper
from resale.domain.listings import Listing
from tests.fixtures.storefront import ADDRESS, Front, a_listing_body
from tests.unit.builders import LISTING, ORDER, SELLER

INVALID = "422 validation_failed"
MALFORMED = "400 malformed_body"
IMAGE = {"content_type": "image/jpeg", "bytes": 1000}


def price(amount: Any, currency: Any = "GBP") -> dict[str, Any]:
    return {"price": {"amount": amount, "currency": currency}}


def image(**fields: Any) -> dict[str, Any]:
    return {"images": [IMAGE, {**IMAGE, **fields}]}


BAD_LISTINGS: list[tuple[dict[str, Any], str, str]] = [
    ({"status": "active"}, "/status", "unknown_field"),
    ({"a/b~c": 1}, "/a~1b~0c", "unknown_field"),
    ({"price": {"amount": 1, "currency": "GBP", "free": True}}, "/price/free", "unknown_field"),
    (image(upload={}), "/images/1/upload", "unknown_field"),
    ({"title": None}, "/title", "required"),
    ({"title": 5}, "/title", "wrong_type"),
    ({"title": ["x"]}, "/title", "wrong_type"),
    ({"title": ""}, "/title", "too_short"),
    ({"title": "x" * 141}, "/title", "too_long"),
    ({"description": "x" * 5001}, "/description", "too_long"),
    ({"product": "a b"}, "/product", "wrong_format"),
    ({"product": "\u0000"}, "/product", "wrong_format"),
    ({"condition": "damaged"}, "/condition", "unknown_value"),
    ({"price": 12}, "/price", "wrong_type"),
    (price(-1), "/price/amount", "out_of_range"),
    (price(0), "/price/amount", "out_of_range"),
    (price(10**11 + 1), "/price/amount", "out_of_range"),
    (price(2**63), "/price/amount", "out_of_range"),
    (price(10**40), "/price/amount", "out_of_range"),
    (price(1.5), "/price/amount", "wrong_type"),
    (price("12"), "/price/amount", "wrong_type"),
    ({"price": {"amount": True, "currency": "GBP"}}, "/price/amount", "wrong_type"),
    (price(1, "gbp"), "/price/currency", "wrong_format"),
    (price(1, "GBP\n"), "/price/currency", "wrong_format"),
    ({"product": "x\n"}, "/product", "wrong_format"),
    (image(content_type="image/png\n"), "/images/1/content_type", "wrong_format"),
    (image(sha256="a" * 64 + "\n"), "/images/1/sha256", "wrong_format"),
    ({"custom_fields": {"x\n": 1}}, "/custom_fields", "wrong_format"),
    (price(1, "POUNDS"), "/price/currency", "wrong_format"),
    ({"images": []}, "/images", "too_short"),
    ({"images": [IMAGE] * 13}, "/images", "too_long"),
    ({"images": {}}, "/images", "wrong_type"),
    (image(content_type="image/svg+xml"), "/images/1/content_type", "wrong_format"),
    (image(content_type="text/html"), "/images/1/content_type", "wrong_format"),
    (image(bytes=0), "/images/1/bytes", "out_of_range"),
    (image(bytes=40 * 1024 * 1024 + 1), "/images/1/bytes", "out_of_range"),
    (image(sha256="A" * 64), "/images/1/sha256", "wrong_format"),
    ({"custom_fields": {"Size": "M"}}, "/custom_fields", "wrong_format"),
    ({"custom_fields": {"$key": "M"}}, "/custom_fields", "wrong_format"),
    ({"custom_fields": {"x": {"y": 1}}}, "/custom_fields", "wrong_type"),
    ({"custom_fields": {"x": 2**53}}, "/custom_fields", "out_of_range"),
    ({"custom_fields": {"x": 1.5}}, "/custom_fields", "wrong_type"),
    ({"custom_fields": {f"f{n}": 1 for n in range(51)}}, "/custom_fields", "too_long"),
]

WRONG_FOR_THE_COUNTRY: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"country": "UK"}, [("country", "unknown_value")]),
    ({"country": "ZZ"}, [("country", "unknown_value")]),
    ({"country": "gb"}, [("country", "wrong_format")]),
    ({"postal_code": ""}, [("postal_code", "required")]),
    ({"postal_code": "12345"}, [("postal_code", "wrong_format")]),
    ({"city": "", "postal_code": "12345"}, [("city", "required"), ("postal_code", "wrong_format")]),
    ({"country": "US", "postal_code": "89501"}, [("region", "required")]),
    ({"country": "US", "postal_code": "89501", "region": "Navada"}, [("region", "unknown_value")]),
]
BAD_ADDRESSES: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/shipping_address/name"),
    ({"country": "gb"}, "/shipping_address/country"),
    ({"country": "GB\n"}, "/shipping_address/country"),
    ({"phone": "+441134960000\n"}, "/shipping_address/phone"),
    ({"phone": "0113 496 0000"}, "/shipping_address/phone"),
    ({"postal_code": "x" * 21}, "/shipping_address/postal_code"),
    ({"planet": "Earth"}, "/shipping_address/planet"),
]

#: Refused as soon as either is seen: that it is no JSON, or that it is not what was asked for.
NO_OBJECTS = [
    b"",
    b"{",
    b"{'title': 'x'}",
    b'{"title": NaN}',
    b'{"listing_id": "x"} trailing',
    b'{"price": ' + b"[" * 100_000,
    b'{"x": ' + b'{"x":' * 40_000 + b"1" + b"}" * 40_001,
    b"[" * 200_000,
    b"[]",
    b'"x"',
    b"null",
    b"1e999",
]
NOT_JSON = [
    b"",
    b"{",
    b"{'title': 'x'}",
    b'{"title": NaN}',
    b'{"price": {"amount": Infinity}}',
    b'{"price": {"amount": 01}}',
    b'{"title": "\xff\xfe"}',
    b'{"title": "\xed\xa0\x80"}',
    b'{"title": "\\ud800"}',
    b'{"title": "\n"}',
    b"\xff\xfe{\x00}\x00",
]
TOO_LARGE = [b" " * (256 * 1024 + 1), b'{"title": "' + b"x" * 10_000_000 + b'"}']
WITH_BODIES = [
    ("POST", "/v1/listings"),
    ("POST", "/v1/orders"),
    ("PATCH", f"/v1/listings/{LISTING}"),
    ("POST", f"/v1/listings/{LISTING}/moderation"),
]


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def active(front: Front) -> Listing:
    return front.world.active(front.shopper())


def expect_nothing_written(front: Front, shopper: Shopper) -> None:
    assert front.world.principal(shopper).customer_id is None


class TestBodies:
    @pytest.mark.parametrize(("fields", "pointer", "code"), BAD_LISTINGS, ids=lambda value: str(value)[:40])
    def test_a_new_listing(
        self, front: Front, seller: Shopper, fields: dict[str, Any], pointer: str, code: str
    ) -> None:
        response = front.post("/v1/listings", a_listing_body(**fields), by=seller)
        assert (response.code, response.pointers) == (INVALID, [pointer])
        assert response.json["errors"][0]["code"] == code
        expect_nothing_written(front, seller)

    @pytest.mark.parametrize(("fields", "pointer"), BAD_ADDRESSES)
    def test_an_address(
        self, front: Front, active: Listing, seller: Shopper, fields: dict[str, Any], pointer: str
    ) -> None:
        response = front.buy(active, by=seller, shipping_address={**ADDRESS, **fields})
        assert (response.code, response.pointers) == (INVALID, [pointer])
        expect_nothing_written(front, seller)

    @pytest.mark.parametrize(("fields", "errors"), WRONG_FOR_THE_COUNTRY)
    def test_an_address_that_its_country_does_not_know(
        self, front: Front, active: Listing, seller: Shopper, fields: dict[str, Any], errors: list[tuple[str, str]]
    ) -> None:
        address = {**ADDRESS, **fields}
        answers = {
            "/shipping_address": front.buy(active, by=seller, shipping_address=address),
            "/ship_from": front.patch("/v1/seller_account", {"ship_from": address}, by=seller),
        }
        for place, response in answers.items():
            assert response.code == INVALID
            assert [(error["pointer"], error["code"]) for error in response.json["errors"]] == [
                (f"{place}/{name}", code) for name, code in errors
            ]
        expect_nothing_written(front, seller)

    @pytest.mark.parametrize("body", NO_OBJECTS, ids=lambda value: repr(value)[:30])
    @pytest.mark.parametrize(("method", "path"), WITH_BODIES)
    def test_what_is_no_object(self, front: Front, seller: Shopper, method: str, path: str, body: bytes) -> None:
        response = front.ask(method, path, body, by=seller, brand=True, headers={"Idempotency-Key": "k"})
        assert response.code in {MALFORMED, INVALID}
        expect_nothing_written(front, seller)

    @pytest.mark.parametrize("body", NOT_JSON, ids=repr)
    def test_what_is_not_json(self, front: Front, seller: Shopper, body: bytes) -> None:
        assert front.post("/v1/listings", body, by=seller).code == MALFORMED

    @pytest.mark.parametrize("body", TOO_LARGE, ids=len)
    @pytest.mark.parametrize(("method", "path"), WITH_BODIES)
    def test_what_is_too_large(self, front: Front, seller: Shopper, method: str, path: str, body: bytes) -> None:
        response = front.ask(method, path, body, by=seller, brand=True, headers={"Idempotency-Key": "k"})
        assert response.code == "413 body_too_large"

    @pytest.mark.parametrize("action", ["submit", "withdraw"])
    @pytest.mark.parametrize(
        ("body", "code"), [(b"{", MALFORMED), (b'{"x":1}', INVALID), (b" " * 300_000, "413 body_too_large")]
    )
    def test_a_call_that_takes_none(
        self, front: Front, active: Listing, seller: Shopper, action: str, body: bytes, code: str
    ) -> None:
        assert front.post(f"/v1/listings/{active.id}/{action}", body, by=seller).code == code

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
    )
    def test_of_another_type(self, front: Front, seller: Shopper, content_type: str) -> None:
        response = front.post("/v1/listings", a_listing_body(), by=seller, content_type=content_type)
        assert response.code == "415 unsupported_media_type"

    def test_compressed(self, front: Front, seller: Shopper) -> None:
        headers = {"Content-Encoding": "gzip"}
        response = front.post("/v1/listings", a_listing_body(), by=seller, headers=headers)
        assert response.code == "415 unsupported_media_type"

    def test_text_of_any_script_comes_back_as_it_went(self, front: Front, seller: Shopper) -> None:
        title = 'Ǆ 夾克 🧥 "$key":"x" \\ <script>'
        made = front.post("/v1/listings", a_listing_body(title=title, custom_fields={"x": title}), by=seller).json
        assert (made["title"], made["custom_fields"]["x"]) == (title, title)

    def test_what_it_refuses_it_does_not_repeat(self, front: Front, seller: Shopper) -> None:
        response = front.post("/v1/listings", a_listing_body(condition="jane@example.org"), by=seller)
        assert b"jane" not in response.body


class TestQueries:
    LISTS = ("/v1/listings", f"/v1/sellers/{SELLER}/listings", "/v1/orders", f"/v1/listings/{LISTING}/history")

    @pytest.mark.parametrize("path", LISTS)
    @pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "9" * 40, "true"])
    def test_a_limit(self, front: Front, path: str, limit: str) -> None:
        response = front.get(f"{path}?limit={limit}", brand=True)
        assert (response.code, response.pointers) == (INVALID, ["/limit"])

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            *(("GET", path) for path in LISTS),
            ("GET", f"/v1/listings/{LISTING}"),
            ("GET", f"/v1/orders/{ORDER}"),
            ("POST", "/v1/listings"),
            ("POST", "/v1/orders"),
            ("PATCH", f"/v1/listings/{LISTING}"),
            ("POST", f"/v1/listings/{LISTING}/submit"),
            ("POST", f"/v1/listings/{LISTING}/withdraw"),
            ("POST", f"/v1/listings/{LISTING}/moderation"),
            ("POST", f"/v1/orders/{ORDER}/cancel"),
        ],
    )
    def test_a_parameter_nobody_knows(self, front: Front, method: str, path: str) -> None:
        response = front.ask(method, f"{path}?tenant=atelier", brand=True)
        assert (response.code, response.pointers) == (INVALID, ["/tenant"])

    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ("market=gb", "/market"),
            ("market=GB&product=x", "/market"),
            ("product=a%20b", "/product"),
            ("product=" + "x" * 121, "/product"),
            ("limit=1&limit=2", "/limit"),
            ("cursor=", "/cursor"),
        ],
    )
    def test_a_filter(self, front: Front, query: str, pointer: str) -> None:
        response = front.get(f"/v1/listings?{query}")
        assert (response.code, response.pointers) == (INVALID, [pointer])

    def test_a_role(self, front: Front) -> None:
        response = front.get("/v1/orders?role=owner", by=front.shopper())
        assert (response.code, response.pointers) == (INVALID, ["/role"])

    @pytest.mark.parametrize("separator", ["&", ";"])
    def test_a_thousand_parameters(self, front: Front, separator: str) -> None:
        response = front.get("/v1/listings?" + separator.join(f"a{n}=1" for n in range(2000)))
        assert 400 <= response.status < 500


class TestOverlong:
    """Every part of a path and every parameter; a key of DynamoDB has at most 2,048 bytes."""

    @pytest.mark.parametrize("text", ["x" * 3_000, "\u00e9" * 1_200, "\U0001f9e5" * 600])
    def test_parameters_are_refused(self, front: Front, text: str) -> None:
        seller, long = front.shopper(), quote(text)
        front.world.draft(seller)
        statuses = {}
        for endpoint in (one for one in ENDPOINTS if one.tag != "This document"):  # which is read whatever is asked
            by = {"by": seller} if endpoint.access == Access.SHOPPER else {"brand": True}
            body: Any = None if endpoint.method == "get" else {}
            for path in overlong(endpoint, long):
                response = front.ask(endpoint.method.upper(), path, body, **by)
                statuses[endpoint.id, path[:60]] = response.status
        assert not {where: status for where, status in statuses.items() if status not in {400, 404, 422}}


def overlong(endpoint: AnyEndpoint, long: str) -> list[str]:
    """An endpoint's path with something long in each of its places."""
    short = re.sub(r"{\w+}", "x", endpoint.path)
    names = () if endpoint.query is None else endpoint.query.__struct_encode_fields__
    in_path = [re.sub(r"{\w+}", long, endpoint.path)] if "{" in endpoint.path else []
    return [*in_path, *(f"{short}?{name}={long}" for name in (*names, long))]


class TestCursors:
    @pytest.fixture
    def cursor(self, front: Front) -> str:
        seller = front.shopper()
        for _ in range(2):
            front.world.active(seller, product="tampered")
        return str(front.get("/v1/listings?product=tampered&limit=1").json["next_cursor"])

    def test_a_changed_one(self, front: Front, cursor: str) -> None:
        flipped = [cursor[:at] + ("B" if cursor[at] == "A" else "A") + cursor[at + 1 :] for at in (0, 20, 40, -4)]
        changed = [*flipped, cursor + "AAAA", cursor[4:], cursor[:-4], "x", "é", "AAAA" * 8, "%00"]
        for one in changed:
            response = front.get(f"/v1/listings?product=tampered&cursor={one}")
            assert (response.code, response.pointers) == ("422 cursor_invalid", ["/cursor"])

    def test_one_longer_than_any(self, front: Front) -> None:
        for path in ("/v1/listings?", f"/v1/sellers/{SELLER}/listings?", "/v1/dead_letters?", "/v1/payouts?"):
            response = front.get(f"{path}cursor={'A' * 4097}", brand=True)
            assert (response.code, response.pointers) == ("400 cursor_too_long", ["/cursor"])
            assert front.get(f"{path}cursor={'A' * 4096}", brand=True).code == "422 cursor_invalid"

    def test_one_of_another_list(self, front: Front, cursor: str) -> None:
        for path in ("/v1/listings?", "/v1/listings?product=other&", f"/v1/sellers/{SELLER}/listings?", "/v1/orders?"):
            assert front.get(f"{path}cursor={cursor}", brand=True).code == "422 cursor_invalid"


class TestMethods:
    @pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "TRACE", "OPTIONS", "FOO"])
    def test_one_that_a_path_has_not(self, front: Front, method: str) -> None:
        response = front.ask(method, "/v1/orders")
        assert response.code == "405 method_not_allowed"
        assert response.headers["Allow"] == "GET, POST, HEAD"

    def test_a_path_that_there_is_not(self, front: Front) -> None:
        for path in ("/v1/listing", "/v1/", "/v1/listings/", f"/v1/orders/{ORDER}/pay", "/v2/listings"):
            response = front.get(path)
            assert (response.status, msgspec.json.decode(response.body)["code"]) == (404, "not_found")

    def test_head_is_get_without_a_body(self, front: Front, active: Listing) -> None:
        got, head = (front.ask(method, f"/v1/listings/{active.id}") for method in ("GET", "HEAD"))
        assert (head.status, head.headers["ETag"], head.body) == (200, got.headers["ETag"], b"")
