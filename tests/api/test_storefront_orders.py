"""Orders over HTTP: exactly one buyer, each party's own view, cancelled in time, and never another tenant's."""

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.domain.ids import OrderId
from resale.domain.listings import Listing, ListingStatus
from resale.domain.orders import Order
from resale.domain.shipments import ShipmentStatus
from tests.fixtures.storefront import ADDRESS, Front, Response
from tests.operations.partners import Books, Partners
from tests.operations.world import customer_of, later
from tests.unit.builders import LISTING, ORDER


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def buyer(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def active(front: Front, seller: Shopper) -> Listing:
    return front.world.active(seller)


@pytest.fixture
def ordered(front: Front, active: Listing, buyer: Shopper) -> Response:
    return front.buy(active, by=buyer)


@pytest.fixture
def path(ordered: Response) -> str:
    return ordered.headers["Location"]


def stored(front: Front, ordered: Response) -> Order:
    return front.world.uow().orders.get(OrderId(ordered.json["id"]))


def confirm(front: Front, ordered: Response) -> None:
    order = stored(front, ordered)
    front.world.run(order, Partners(), now=order.created_at)


class TestSubmitOrder:
    def test_reserves_the_listing_and_says_where_the_order_is(
        self, front: Front, active: Listing, ordered: Response
    ) -> None:
        order = ordered.json
        assert (ordered.status, order["status"], ordered.headers["ETag"]) == (202, "submitted", '"1"')
        assert ordered.headers["Location"] == f"/v1/orders/{order['id']}"
        assert order["shipping_address"] == {**ADDRESS, "line2": "", "region": "", "phone": None}
        assert order["amounts"]["grand_total"] == active.price.amount
        assert front.get(f"/v1/listings/{active.id}").json["status"] == "reserved"

    def test_a_second_buyer_is_told_it_is_not_for_sale(self, front: Front, active: Listing, ordered: Response) -> None:
        assert ordered.status == 202
        assert front.buy(active, by=front.shopper()).code == "409 listing_not_for_sale"

    def test_another_price_than_the_buyer_saw_is_refused_with_the_price_of_now(
        self, front: Front, active: Listing, buyer: Shopper
    ) -> None:
        seen = {"amount": 11_999, "currency": "GBP"}
        refused = front.buy(active, by=buyer, expected_total=seen, listing_version=active.version)
        assert refused.code == "409 price_changed"
        quote = refused.json["quote"]
        assert (quote["listing_id"], quote["listing_version"]) == (active.id, active.version)
        now = {"amount": quote["amounts"]["grand_total"], "currency": quote["amounts"]["currency"]}
        assert front.buy(active, by=buyer, expected_total=now).status == 202

    def test_another_version_than_the_buyer_saw_is_refused(self, front: Front, active: Listing, buyer: Shopper) -> None:
        refused = front.buy(active, by=buyer, listing_version=active.version - 1)
        assert (refused.code, refused.json["quote"]["listing_version"]) == (
            "409 listing_version_changed",
            active.version,
        )

    def test_an_unpaid_order_too_many_is_refused(self, front: Front, seller: Shopper, buyer: Shopper) -> None:
        for _ in range(front.shop.tenant.policies.max_open_holds):
            assert front.buy(front.world.active(seller), by=buyer).status == 202
        assert front.buy(front.world.active(seller), by=buyer).code == "409 too_many_open_orders"

    def test_nobody_buys_their_own(self, front: Front, active: Listing, seller: Shopper) -> None:
        assert front.buy(active, by=seller).code == "403 own_listing"
        assert front.world.listing(active.id).status == ListingStatus.ACTIVE

    def test_refuses_what_is_not_there_or_not_on_show(self, front: Front, seller: Shopper, buyer: Shopper) -> None:
        draft, _ = front.world.draft(seller)
        assert front.buy(draft, by=buyer).code == "404 listing_not_found"
        assert front.buy(LISTING, by=buyer).code == "404 listing_not_found"

    def test_refuses_what_is_no_listing_id(self, front: Front, buyer: Shopper) -> None:
        response = front.buy("", by=buyer)
        assert (response.code, response.pointers) == ("422 validation_failed", ["/listing_id"])

    def test_is_a_shoppers_call(self, front: Front, active: Listing) -> None:
        body = {"listing_id": active.id, "shipping_address": ADDRESS, "payment_token": "tok_ok"}
        assert front.post("/v1/orders", body).code == "401 token_missing"
        assert front.post("/v1/orders", body, brand=True).code == "401 token_missing"

    @pytest.mark.parametrize(
        "token", ["tok_4242424242424242", "tok_4242 4242 4242 4242", "tok_ok\n", "tok_", "", "src_1", None, 4242]
    )
    def test_takes_a_providers_token_and_never_a_card(
        self, front: Front, active: Listing, buyer: Shopper, token: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = front.buy(active, by=buyer, payment_token=token)
        assert (response.code, response.pointers) == ("422 validation_failed", ["/payment_token"])
        assert b"4242" not in response.body
        assert "4242" not in caplog.text
        assert front.world.listing(active.id).status == ListingStatus.ACTIVE


class TestPayerAuthentication:
    def test_the_buyer_is_led_to_their_bank_and_back_to_the_brands_page(
        self, front: Front, active: Listing, buyer: Shopper
    ) -> None:
        ordered = front.buy(active, by=buyer, return_url="https://northwind.example/thanks?step=3")
        assert (ordered.status, ordered.json["next_action"]) == (202, None)
        partners = Partners(Books(ask_action=True))
        order = stored(front, ordered)
        for _ in range(2):
            front.world.advance(order, partners, now=order.created_at)
        waiting = front.get(ordered.headers["Location"], by=buyer).json
        assert waiting["next_action"] == {"type": "redirect_to_url", "url": waiting["payment"]["action_url"]}
        assert partners.payments.return_urls[order.id] == f"https://northwind.example/thanks?step=3&order_id={order.id}"

        partners.payments.prove(front.world.uow().orders.get(order.id).payment.id)  # type: ignore[union-attr]  # it has one
        front.world.run(order, partners, now=order.created_at)
        paid = front.get(ordered.headers["Location"], by=buyer).json
        assert (paid["status"], paid["next_action"]) == ("confirmed", None)

    def test_only_the_buyer_is_told_where_to_go(
        self, front: Front, active: Listing, buyer: Shopper, seller: Shopper
    ) -> None:
        ordered = front.buy(active, by=buyer, return_url="https://northwind.example/thanks?session=hush")
        order = stored(front, ordered)
        for _ in range(2):
            front.world.advance(order, Partners(Books(ask_action=True)), now=order.created_at)
        path = ordered.headers["Location"]
        for seen in (front.get(path, by=seller), front.get(path, brand=True)):
            assert "next_action" not in seen.json
            assert b"hush" not in seen.body
        assert b"hush" not in msgspec.json.encode(stored(front, ordered))  # it lies sealed

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("https://evil.example/", "origin_not_allowed"),
            ("https://northwind.example@evil.example/", "wrong_format"),
            ("https://northwind.example/?order_id=1", "reserved"),
            ("https://northwind.example/" + "x" * 2000, "too_long"),
            ("", "too_short"),
        ],
    )
    def test_nobody_is_sent_elsewhere(self, front: Front, active: Listing, buyer: Shopper, url: str, code: str) -> None:
        response = front.buy(active, by=buyer, return_url=url)
        assert (response.code, response.pointers) == ("422 validation_failed", ["/return_url"])
        assert response.json["errors"][0]["code"] == code
        assert front.world.listing(active.id).status == ListingStatus.ACTIVE


class TestCorrectAddress:
    def test_is_the_buyers_and_the_brands(self, front: Front, path: str, buyer: Shopper, seller: Shopper) -> None:
        moved = {**ADDRESS, "line1": "11 Test Street"}
        corrected = front.put(f"{path}/shipping_address", moved, by=buyer)
        assert (corrected.status, corrected.json["shipping_address"]["line1"]) == (200, "11 Test Street")
        assert corrected.headers["ETag"] == f'"{corrected.json["version"]}"'
        back = front.put(f"{path}/shipping_address", ADDRESS, brand=True)
        assert back.json["shipping_address"]["line1"] == ADDRESS["line1"]
        assert front.put(f"{path}/shipping_address", moved, by=seller).code == "403 forbidden"
        assert front.put(f"{path}/shipping_address", moved, by=front.shopper()).code == "404 order_not_found"

    def test_takes_the_version_that_was_read(self, front: Front, path: str, buyer: Shopper) -> None:
        stale = {"If-Match": '"9"'}
        response = front.put(f"{path}/shipping_address", {**ADDRESS, "line1": "x"}, by=buyer, headers=stale)
        assert response.code == "412 precondition_failed"

    def test_points_into_its_own_body(self, front: Front, path: str, buyer: Shopper) -> None:
        response = front.put(f"{path}/shipping_address", {**ADDRESS, "postal_code": "1"}, by=buyer)
        assert (response.code, response.pointers) == ("422 validation_failed", ["/postal_code"])

    def test_is_over_with_the_order(self, front: Front, path: str, buyer: Shopper) -> None:
        front.post(f"{path}/cancel", by=buyer)
        response = front.put(f"{path}/shipping_address", {**ADDRESS, "line1": "x"}, by=buyer)
        assert response.code == "409 order_transition_refused"


class TestGetOrder:
    def test_each_party_sees_their_own_view(self, front: Front, path: str, buyer: Shopper, seller: Shopper) -> None:
        bought = front.get(path, by=buyer).json
        assert bought["buyer_id"] == customer_of(front.world, buyer)
        assert bought["shipping_address"]["name"] == ADDRESS["name"]
        sold = front.get(path, by=seller).json
        assert "buyer_id" not in sold
        assert sold["shipping_address"] is None
        assert sold["commission"]["basis_points"] == 1000
        assert front.get(path, brand=True).json["buyer_id"] == bought["buyer_id"]

    def test_the_seller_learns_where_it_goes_once_it_is_confirmed(
        self, front: Front, ordered: Response, path: str, seller: Shopper
    ) -> None:
        confirm(front, ordered)
        sold = front.get(path, by=seller)
        assert sold.json["shipping_address"]["city"] == ADDRESS["city"]
        assert b"buyer" not in sold.body

    def test_nobody_else_sees_it(self, front: Front, path: str) -> None:
        assert front.get(path, by=front.shopper()).code == "404 order_not_found"
        assert front.get(path).code == "401 token_missing"
        assert front.get(f"/v1/orders/{ORDER}", brand=True).code == "404 order_not_found"
        assert front.get("/v1/orders/nothing", brand=True).code == "404 order_not_found"

    def test_says_that_nothing_changed(self, front: Front, path: str, buyer: Shopper) -> None:
        assert front.get(path, by=buyer, headers={"If-None-Match": '"1"'}).status == 304
        front.post(f"{path}/cancel", by=buyer)
        assert front.get(path, by=buyer, headers={"If-None-Match": '"1"'}).headers["ETag"] == '"2"'


class TestListOrders:
    def test_a_shopper_lists_what_they_bought_and_what_they_sold(
        self, front: Front, ordered: Response, buyer: Shopper, seller: Shopper
    ) -> None:
        order_id = ordered.json["id"]
        for shopper, role, found in (
            (buyer, "", [order_id]),
            (buyer, "?role=buyer", [order_id]),
            (buyer, "?role=seller", []),
            (seller, "?role=seller", [order_id]),
            (seller, "", []),
            (front.shopper(), "", []),
        ):
            listed = front.get(f"/v1/orders{role}", by=shopper).json["data"]
            assert [order["id"] for order in listed] == found

    def test_lists_carry_no_addresses(self, front: Front, ordered: Response, buyer: Shopper) -> None:
        assert ordered.json["shipping_address"] is not None
        assert front.get("/v1/orders", by=buyer).json["data"][0]["shipping_address"] is None

    def test_the_brand_lists_all(self, front: Front, ordered: Response) -> None:
        listed = front.get("/v1/orders?limit=100", brand=True).json["data"]
        assert ordered.json["id"] in [order["id"] for order in listed]

    def test_a_role_is_a_shoppers(self, front: Front) -> None:
        response = front.get("/v1/orders?role=buyer", brand=True)
        assert (response.code, response.pointers) == ("422 validation_failed", ["/role"])

    def test_needs_somebody_whose_orders_they_are(self, front: Front) -> None:
        assert front.get("/v1/orders").code == "401 token_missing"

    def test_pages(self, front: Front, buyer: Shopper, seller: Shopper) -> None:
        made = {front.buy(front.world.active(seller), by=buyer).json["id"] for _ in range(3)}
        first = front.get("/v1/orders?limit=2", by=buyer).json
        rest = front.get(f"/v1/orders?limit=2&cursor={first['next_cursor']}", by=buyer).json
        assert {order["id"] for order in first["data"] + rest["data"]} == made
        assert (first["has_more"], rest["has_more"]) == (True, False)


class TestCancelOrder:
    def test_puts_the_listing_back_on_sale_and_again_changes_nothing(
        self, front: Front, active: Listing, path: str, buyer: Shopper
    ) -> None:
        for _ in range(2):
            response = front.post(f"{path}/cancel", by=buyer, headers={"If-Match": '"1"'})
            assert (response.status, response.json["status"]) == (200, "cancelled")
            assert (response.json["cancel_reason"], response.headers["ETag"]) == ("buyer_cancelled", '"2"')
        assert front.get(f"/v1/listings/{active.id}").json["status"] == "active"

    def test_by_the_brand(self, front: Front, path: str) -> None:
        assert front.post(f"{path}/cancel", brand=True).json["cancel_reason"] == "brand_cancelled"

    def test_while_a_payment_runs_it_is_a_request(
        self, front: Front, ordered: Response, path: str, buyer: Shopper
    ) -> None:
        front.world.advance(stored(front, ordered), Partners(), now=later(0))
        response = front.post(f"{path}/cancel", by=buyer)
        assert (response.json["status"], response.json["cancel_requested"]) == ("payment_pending", True)

    def test_refuses_another_version_than_there_is(self, front: Front, path: str, buyer: Shopper) -> None:
        response = front.post(f"{path}/cancel", by=buyer, headers={"If-Match": '"4"'})
        assert response.code == "412 precondition_failed"

    def test_refuses_others_and_other_states(
        self, front: Front, ordered: Response, path: str, buyer: Shopper, seller: Shopper
    ) -> None:
        assert front.post(f"{path}/cancel", by=seller).code == "403 forbidden"
        assert front.post(f"{path}/cancel", by=front.shopper()).code == "404 order_not_found"
        assert front.post(f"{path}/cancel").code == "401 token_missing"
        confirm(front, ordered)
        front.world.scan(stored(front, ordered), ShipmentStatus.IN_TRANSIT)
        assert front.post(f"{path}/cancel", by=buyer).code == "409 order_transition_refused"

    def test_of_a_paid_order_is_under_way_until_the_money_went_back(
        self, front: Front, ordered: Response, path: str, seller: Shopper
    ) -> None:
        confirm(front, ordered)
        response = front.post(f"{path}/cancel", by=seller)
        assert (response.json["status"], response.json["cancel_reason"]) == ("cancelling", "seller_cancelled")
