"""Past purchases over HTTP: the brand records them, their shopper lists from them, nobody else sees them."""

import uuid
from typing import Any

import pytest

from apps.tenancy.tenants import set_policies
from resale.application.operations.customers import Shopper
from resale.domain.policies import Policies
from tests.fixtures.storefront import Front, Response, a_listing_body


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


def a_purchase_body(shopper: Shopper, **fields: Any) -> dict[str, Any]:
    """A purchase as a brand would send it; None leaves a field out."""
    body = {
        "customer": {"subject": shopper.subject},
        "product": "jacket-01",
        "title": "Waxed jacket",
        "quantity": 1,
        "purchased_at": "2025-10-02T16:05:00+02:00",
        "unit_price_paid": {"amount": 24_900, "currency": "EUR"},
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


def record(front: Front, shopper: Shopper, *, line: str | None = None, **fields: Any) -> Response:
    return front.put(f"/v1/purchases/web/{line or uuid.uuid4().hex}", a_purchase_body(shopper, **fields), brand=True)


def create(front: Front, seller: Shopper, purchase: Response, **headers: str) -> Response:
    return front.post("/v1/listings", a_listing_body(purchase_id=purchase.json["id"]), by=seller, headers=headers)


class TestRecord:
    def test_answers_the_same_each_time(self, front: Front, seller: Shopper) -> None:
        line = f"{uuid.uuid4().hex}-1"
        first = record(front, seller, line=line)
        again = record(front, seller, line=line)
        assert (first.status, first.headers["ETag"]) == (200, '"1"')
        assert (again.status, again.body, again.headers["ETag"]) == (first.status, first.body, first.headers["ETag"])
        assert {"source": "web", "line": line, "purchased_at": "2025-10-02T14:05:00Z"}.items() <= first.json.items()
        assert (first.json["claimed_quantity"], first.json["claimable_quantity"]) == (0, 1)
        assert seller.subject not in first.body.decode()

    def test_replaces_what_was_said(self, front: Front, seller: Shopper) -> None:
        line = uuid.uuid4().hex
        first = record(front, seller, line=line)
        again = record(front, seller, line=line, quantity=3, unit_price_paid=None)
        assert (again.json["id"], again.json["quantity"]) == (first.json["id"], 3)
        assert (again.json["unit_price_paid"], again.headers["ETag"]) == (None, '"2"')

    def test_is_found_by_the_shopper_who_signs_in(self, front: Front, seller: Shopper) -> None:
        made = record(front, seller)
        assert front.get("/v1/purchases", by=seller).json["data"] == [made.json]
        listing = front.post("/v1/listings", a_listing_body(), by=seller)
        assert listing.json["seller_id"] == made.json["customer_id"]

    def test_is_the_brands_with_its_scope(self, front: Front, narrow: Front, seller: Shopper) -> None:
        path, body = f"/v1/purchases/web/{uuid.uuid4().hex}", a_purchase_body(seller)
        assert front.put(path, body).code == "403 secret_key_required"
        assert front.put(path, body, by=seller).code == "403 secret_key_required"
        assert narrow.put(path, body, brand=True).code == "403 scope_missing"
        assert front.get("/v1/purchases", by=seller).json["data"] == []

    def test_cannot_go_below_what_is_listed(self, front: Front, seller: Shopper) -> None:
        line = uuid.uuid4().hex
        made = record(front, seller, line=line, quantity=2)
        for _ in range(2):
            assert create(front, seller, made).status == 201
        assert record(front, seller, line=line, quantity=1).code == "409 purchase_claimed"
        assert record(front, front.shopper(), line=line, quantity=2).code == "409 purchase_claimed"

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"quantity": 0}, "/quantity"),
            ({"quantity": 101}, "/quantity"),
            ({"customer": {"subject": ""}}, "/customer/subject"),
            ({"customer": {"subject": "s", "email": "jane@example.org"}}, "/customer/email"),
            ({"customer": None}, "/customer"),
            ({"purchased_at": "2025-10-02T16:05:00"}, "/purchased_at"),
            ({"purchased_at": "0001-01-01T00:00:00+14:00"}, "/purchased_at"),
            ({"purchased_at": "9999-12-31T23:59:59-12:00"}, "/purchased_at"),
            ({"unit_price_paid": {"amount": -1, "currency": "EUR"}}, "/unit_price_paid/amount"),
            ({"claimed_quantity": 0}, "/claimed_quantity"),
        ],
    )
    def test_says_what_is_wrong(self, front: Front, seller: Shopper, fields: dict[str, Any], pointer: str) -> None:
        response = record(front, seller, **fields)
        assert (response.code, response.pointers) == ("422 validation_failed", [pointer])

    @pytest.mark.parametrize(
        ("path", "pointer"),
        [
            ("Web/1001-1", "/source"),
            (f"{'w' * 41}/1001-1", "/source"),
            ("web/jane@example.org", "/line"),
            ("web/-1", "/line"),
            (f"web/{'1' * 121}", "/line"),
        ],
    )
    def test_is_named_by_source_and_line(self, front: Front, seller: Shopper, path: str, pointer: str) -> None:
        response = front.put(f"/v1/purchases/{path}", a_purchase_body(seller), brand=True)
        assert (response.code, response.pointers) == ("422 validation_failed", [pointer])

    @pytest.mark.parametrize("line", ["304-1234567-1234563", "39123456789010", "4242424242424242", "1001-1"])
    def test_is_named_by_any_order_number(self, front: Front, seller: Shopper, line: str) -> None:
        made = record(front, seller, line=line, product=line)
        assert (made.status, made.json["line"], made.json["product"]) == (200, line, line)


class TestLook:
    def test_pages_the_shoppers_own_newest_first(self, front: Front, seller: Shopper) -> None:
        days = [f"2025-0{month}-01T00:00:00Z" for month in (3, 5, 4)]
        made = {day: record(front, seller, purchased_at=day).json["id"] for day in days}
        first = front.get("/v1/purchases?limit=2", by=seller).json
        second = front.get(f"/v1/purchases?limit=2&cursor={first['next_cursor']}", by=seller).json
        assert [one["id"] for one in (*first["data"], *second["data"])] == [made[day] for day in sorted(days)[::-1]]
        assert (first["has_more"], second["has_more"]) == (True, False)

    def test_needs_a_shopper(self, front: Front) -> None:
        assert front.get("/v1/purchases", brand=True).code == "401 token_missing"

    def test_shows_one_to_its_shopper_and_the_brand(self, front: Front, narrow: Front, seller: Shopper) -> None:
        made = record(front, seller)
        path = f"/v1/purchases/{made.json['id']}"
        assert front.get(path, by=seller).json == front.get(path, brand=True).json == made.json
        assert front.get(path, by=seller, headers={"If-None-Match": made.headers["ETag"]}).status == 304
        assert front.get(path, by=front.shopper()).code == "404 purchase_not_found"
        assert front.get(path).code == "401 token_missing"
        assert narrow.get(path, brand=True).code == "403 scope_missing"

    @pytest.mark.parametrize("purchase_id", ["pur_1", "lst_" + "0" * 32, "pur_" + "0" * 32])
    def test_what_is_none_is_not_there(self, front: Front, purchase_id: str) -> None:
        assert front.get(f"/v1/purchases/{purchase_id}", brand=True).code == "404 purchase_not_found"


class TestList:
    def test_names_the_purchase_to_seller_and_brand_only(self, front: Front, seller: Shopper) -> None:
        made = record(front, seller)
        listing = create(front, seller, made)
        assert (listing.status, listing.json["purchase_id"]) == (201, made.json["id"])
        (left,) = front.get("/v1/purchases", by=seller).json["data"]
        assert (left["claimed_quantity"], left["claimable_quantity"]) == (1, 0)
        path = f"/v1/listings/{front.world.active(seller, purchase_id=record(front, seller).json['id']).id}"
        assert front.get(path, by=seller).json["purchase_id"] == front.get(path, brand=True).json["purchase_id"]
        assert "purchase_id" not in front.get(path).json
        assert "purchase_id" not in front.get(path, by=front.shopper()).json

    def test_refuses_what_is_used_up_or_not_the_sellers(self, front: Front, seller: Shopper) -> None:
        made = record(front, seller)
        assert create(front, front.shopper(), made).code == "404 purchase_not_found"
        assert create(front, seller, made).status == 201
        assert create(front, seller, made).code == "409 purchase_exhausted"
        assert front.post("/v1/listings", a_listing_body(purchase_id="1001"), by=seller).pointers == ["/purchase_id"]

    def test_the_same_key_answers_as_before_though_nothing_is_left(self, front: Front, seller: Shopper) -> None:
        made = record(front, seller)
        body = a_listing_body(purchase_id=made.json["id"])
        keyed = {"Idempotency-Key": uuid.uuid4().hex}
        first = front.post("/v1/listings", body, by=seller, headers=keyed)
        again = front.post("/v1/listings", body, by=seller, headers=keyed)
        assert (again.status, again.json["id"]) == (201, first.json["id"])
        assert again.headers["Idempotent-Replayed"] == "true"

    def test_a_unit_of_a_withdrawn_listing_is_listed_again(self, front: Front, seller: Shopper) -> None:
        made = record(front, seller)
        listing = create(front, seller, made).json["id"]
        for _ in range(2):
            assert front.post(f"/v1/listings/{listing}/withdraw", by=seller).json["status"] == "withdrawn"
        assert create(front, seller, made).status == 201
        assert create(front, seller, made).code == "409 purchase_exhausted"

    def test_an_edit_does_not_name_another(self, front: Front, seller: Shopper) -> None:
        made = record(front, seller)
        listing = create(front, seller, made).json["id"]
        response = front.patch(f"/v1/listings/{listing}", {"purchase_id": made.json["id"]}, by=seller)
        assert (response.code, response.pointers) == ("422 validation_failed", ["/purchase_id"])

    def test_a_shop_may_take_nothing_else(self, front: Front, seller: Shopper) -> None:
        made = record(front, seller)
        demand_purchases(front)
        response = front.post("/v1/listings", a_listing_body(), by=seller)
        assert (response.code, response.pointers) == ("422 purchase_required", ["/purchase_id"])
        assert create(front, seller, made).status == 201


def demand_purchases(front: Front) -> None:
    """Have the shop take only listings of what was bought there."""
    set_policies(slug=front.shop.tenant.slug, policies=Policies(purchase_required=True))
