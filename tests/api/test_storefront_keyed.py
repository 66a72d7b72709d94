"""Idempotency-Key: done once, answered again as it stands, refused for another body."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.idempotency import KEPT_FOR
from resale.application.ports import IdempotencyRecord
from resale.domain.command_context import command_key
from resale.domain.listings import Listing
from tests.fixtures.storefront import ADDRESS, Front, Response, a_listing_body
from tests.operations.world import customer_of


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


@pytest.fixture
def buyer(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def active(front: Front) -> Listing:
    return front.world.active(front.shopper())


def an_order_body(listing: Listing, token: str = "tok_ok") -> dict[str, object]:
    return {"listing_id": listing.id, "shipping_address": ADDRESS, "payment_token": token}


class TestOrders:
    def test_need_a_key(self, front: Front, active: Listing, buyer: Shopper) -> None:
        response = front.post("/v1/orders", an_order_body(active), by=buyer)
        assert (response.code, response.pointers) == ("422 idempotency_key_required", ["/headers/Idempotency-Key"])

    @pytest.mark.parametrize("text", ["", " ", "a b", "é", "x" * 256])
    def test_refuse_what_is_no_key(self, front: Front, active: Listing, buyer: Shopper, text: str) -> None:
        response = front.post("/v1/orders", an_order_body(active), by=buyer, headers={"Idempotency-Key": text})
        assert response.code == "422 idempotency_key_invalid"

    def test_the_same_again_answers_as_the_first_time(
        self, front: Front, active: Listing, buyer: Shopper, key: dict[str, str]
    ) -> None:
        first, second = (front.post("/v1/orders", an_order_body(active), by=buyer, headers=key) for _ in range(2))
        assert (second.status, second.body) == (first.status, first.body)
        assert second.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert (second.headers["Location"], second.headers["ETag"]) == (first.headers["Location"], '"1"')

    def test_the_answer_is_of_the_order_as_it_stands(
        self, front: Front, active: Listing, buyer: Shopper, key: dict[str, str]
    ) -> None:
        first = front.post("/v1/orders", an_order_body(active), by=buyer, headers=key)
        front.post(first.headers["Location"] + "/cancel", by=buyer)
        again = front.post("/v1/orders", an_order_body(active), by=buyer, headers=key)
        assert (again.status, again.json["status"]) == (202, "cancelled")
        assert front.get(f"/v1/listings/{active.id}").json["status"] == "active"

    def test_another_body_is_refused(self, front: Front, active: Listing, buyer: Shopper, key: dict[str, str]) -> None:
        front.post("/v1/orders", an_order_body(active), by=buyer, headers=key)
        other = front.post("/v1/orders", an_order_body(active, "tok_slow"), by=buyer, headers=key)
        assert (other.code, other.pointers) == ("422 idempotency_key_reused", ["/headers/Idempotency-Key"])

    def test_the_same_body_written_in_another_way_is_the_same(
        self, front: Front, active: Listing, buyer: Shopper, key: dict[str, str]
    ) -> None:
        body = an_order_body(active)
        other = {**dict(reversed(list(body.items()))), "shipping_address": {**ADDRESS, "region": None, "phone": None}}
        escaped = json.dumps(other, indent=2).replace("Leeds", "Leed\\u0073").encode()
        first = front.post("/v1/orders", body, by=buyer, headers=key)
        again = [front.post("/v1/orders", sent, by=buyer, headers=key) for sent in (escaped, b"\xef\xbb\xbf" + escaped)]
        assert [(response.status, response.body) for response in again] == [(202, first.body)] * 2
        assert {response.headers["Idempotent-Replayed"] for response in again} == {"true"}

    def test_a_record_of_the_release_before_compares_bytes(
        self, front: Front, active: Listing, buyer: Shopper, key: dict[str, str]
    ) -> None:
        order = front.world.order(buyer, active)
        body = msgspec.json.encode(an_order_body(active))
        caller = f"{buyer.issuer} {buyer.subject}"
        known = command_key(
            caller=caller, command="submit_order", client_key=key["Idempotency-Key"], body=body, meaning=b"another"
        )
        uow = front.world.uow()
        record = IdempotencyRecord(
            key=known.key, request_hash=known.request_hash, entity_id=order.id, version=1, transaction_id="trx_before"
        )
        uow.idempotency.add(record, kept_for=KEPT_FOR)
        uow.commit()
        again = front.post("/v1/orders", body, by=buyer, headers=key)
        assert (again.status, again.json["id"]) == (202, order.id)
        other = front.post("/v1/orders", an_order_body(active, "tok_slow"), by=buyer, headers=key)
        assert other.code == "422 idempotency_key_reused"

    def test_a_key_is_its_shoppers_own(
        self, front: Front, active: Listing, buyer: Shopper, key: dict[str, str]
    ) -> None:
        front.post("/v1/orders", an_order_body(active), by=buyer, headers=key)
        other = front.post("/v1/orders", an_order_body(active), by=front.shopper(), headers=key)
        assert other.code == "409 listing_not_for_sale"

    def test_a_failed_call_leaves_its_key_unused(
        self, front: Front, active: Listing, buyer: Shopper, key: dict[str, str]
    ) -> None:
        taken = front.buy(active, by=front.shopper())
        assert front.post("/v1/orders", an_order_body(active), by=buyer, headers=key).code == "409 listing_not_for_sale"
        front.post(taken.headers["Location"] + "/cancel", brand=True)
        assert front.post("/v1/orders", an_order_body(active), by=buyer, headers=key).status == 202

    def test_at_once_they_make_one_order(
        self, front: Front, active: Listing, buyer: Shopper, key: dict[str, str]
    ) -> None:
        answers = _at_once(lambda: front.post("/v1/orders", an_order_body(active), by=buyer, headers=key), front)
        _expect_one(answers, made=202)
        assert len(front.get("/v1/orders", by=buyer).json["data"]) == 1


class TestListings:
    def test_the_same_again_answers_with_the_listing_and_fresh_forms(
        self, front: Front, buyer: Shopper, key: dict[str, str]
    ) -> None:
        body = a_listing_body()
        first, second = (front.post("/v1/listings", body, by=buyer, headers=key) for _ in range(2))
        assert second.status == 201
        assert second.json["id"] == first.json["id"]
        assert second.json["images"][0]["upload"]["fields"]["key"] == first.json["images"][0]["upload"]["fields"]["key"]
        assert (second.headers["Idempotent-Replayed"], second.headers["ETag"]) == ("true", first.headers["ETag"])

    def test_without_a_key_each_is_a_new_one(self, front: Front, buyer: Shopper) -> None:
        body = a_listing_body()
        made = {front.post("/v1/listings", body, by=buyer).json["id"] for _ in range(2)}
        assert len(made) == 2

    def test_another_body_is_refused(self, front: Front, buyer: Shopper, key: dict[str, str]) -> None:
        front.post("/v1/listings", a_listing_body(), by=buyer, headers=key)
        other = front.post("/v1/listings", a_listing_body(title="Other"), by=buyer, headers=key)
        assert other.code == "422 idempotency_key_reused"

    def test_a_key_means_one_command(self, front: Front, active: Listing, buyer: Shopper, key: dict[str, str]) -> None:
        assert front.post("/v1/listings", a_listing_body(), by=buyer, headers=key).status == 201
        assert front.post("/v1/orders", an_order_body(active), by=buyer, headers=key).status == 202

    def test_at_once_they_make_one_listing(self, front: Front, buyer: Shopper, key: dict[str, str]) -> None:
        body = a_listing_body()
        answers = _at_once(lambda: front.post("/v1/listings", body, by=buyer, headers=key), front)
        _expect_one(answers, made=201)
        seller_id = customer_of(front.world, buyer)
        assert len(front.get(f"/v1/sellers/{seller_id}/listings", by=buyer).json["data"]) == 1


def _at_once(call: Callable[[], Response], front: Front, count: int = 8) -> list[Response]:
    """Send the same from several threads together; keys and tokens are known before, so no thread asks the database."""
    front.get("/v1/orders", by=front.shopper())
    barrier = Barrier(count)

    def run(_: int) -> Response:
        barrier.wait(timeout=30)
        return call()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def _expect_one(answers: list[Response], *, made: int) -> None:
    """One was first; each other one was answered the same, or told to come back."""
    done = [response for response in answers if response.status == made]
    assert len({response.json["id"] for response in done}) == 1
    assert sum("Idempotent-Replayed" not in response.headers for response in done) == 1
    others = {response.code for response in answers if response.status != made}
    assert others <= {"409 idempotency_in_progress", "429 waiting_line"}
