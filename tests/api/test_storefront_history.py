"""Histories over HTTP: whole and in order for the brand, not there for anybody else."""

from datetime import timedelta

import pytest

from resale.application.operations.claims import open_claim
from resale.application.operations.customers import Shopper
from resale.application.operations.payouts import start_payout
from resale.domain.access import Principal
from resale.domain.claims import ClaimReason, NewClaim
from resale.domain.listings import Listing
from resale.domain.payouts import PayoutMethod
from resale.domain.sellers import seller_id_of
from tests.fixtures.recording import record
from tests.fixtures.storefront import ADDRESS, Front, a_listing_body
from tests.operations.partners import Partners
from tests.unit.builders import LISTING, NOW

LATER = NOW + timedelta(days=4)


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def listing(front: Front, seller: Shopper) -> Listing:
    """A listing of two versions, both on record."""
    made, _ = front.world.draft(seller)
    record(front, made.id)
    front.patch(f"/v1/listings/{made.id}", {"title": "Edited"}, by=seller)
    record(front, made.id)
    return made


class TestListingHistory:
    def test_is_whole_and_oldest_first(self, front: Front, listing: Listing) -> None:
        history = front.get(f"/v1/listings/{listing.id}/history", brand=True).json
        assert [(one["version"], one["change"]["type"]) for one in history["data"]] == [
            (1, "listing.created"),
            (2, "listing.edited"),
        ]
        assert history["verification"] == {"verified": True, "head_version": 2, "findings": []}
        assert history["data"][1]["change"]["actor"]["kind"] == "shopper"
        assert history["data"][1]["change"]["actor"]["id"] == listing.seller_id
        assert history["data"][1]["change"]["request_id"].startswith("req_")

    def test_names_requests_as_we_do_whatever_clients_call_theirs(self, front: Front, seller: Shopper) -> None:
        made, _ = front.world.draft(seller)
        given = {"X-Request-Id": "req_" + "0" * 32}
        answers = [
            front.patch(f"/v1/listings/{made.id}", {"title": title}, by=seller, headers=given) for title in ("A", "B")
        ]
        record(front, made.id)
        history = front.get(f"/v1/listings/{made.id}/history", brand=True).json
        assert history["data"][-1]["change"]["request_id"] == answers[-1].headers["X-Request-Id"]
        assert len({given["X-Request-Id"], *(response.headers["X-Request-Id"] for response in answers)}) == 3

    def test_pages_and_verifies_all_of_it_on_each(self, front: Front, listing: Listing) -> None:
        path = f"/v1/listings/{listing.id}/history?limit=1"
        first = front.get(path, brand=True).json
        second = front.get(f"{path}&cursor={first['next_cursor']}", brand=True).json
        assert [first["data"][0]["version"], second["data"][0]["version"]] == [1, 2]
        assert second["verification"]["verified"] is True

    def test_says_what_is_not_on_record_yet(self, front: Front, listing: Listing, seller: Shopper) -> None:
        front.post(f"/v1/listings/{listing.id}/withdraw", by=seller)
        history = front.get(f"/v1/listings/{listing.id}/history", brand=True).json
        assert history["verification"] == {
            "verified": False,
            "head_version": 3,
            "findings": [{"version": 3, "fault": "behind"}],
        }

    def test_names_the_key_that_acted(self, front: Front, listing: Listing) -> None:
        front.post(f"/v1/listings/{listing.id}/withdraw", brand=True)
        record(front, listing.id)
        actor = front.get(f"/v1/listings/{listing.id}/history", brand=True).json["data"][2]["change"]["actor"]
        assert actor == {"kind": "brand_key", "id": front.shop.secret.id}

    def test_is_the_brands(self, front: Front, listing: Listing, seller: Shopper) -> None:
        path = f"/v1/listings/{listing.id}/history"
        assert front.get(path).code == "403 secret_key_required"
        assert front.get(path, by=seller).code == "403 secret_key_required"

    @pytest.mark.parametrize("listing_id", [LISTING, "x"])
    def test_of_what_is_not_there(self, front: Front, listing_id: str) -> None:
        assert front.get(f"/v1/listings/{listing_id}/history", brand=True).code == "404 listing_not_found"


class TestOrderHistory:
    def test_is_whole_and_holds_no_address(self, front: Front, seller: Shopper) -> None:
        buyer = front.shopper()
        path = front.buy(front.world.active(seller), by=buyer).headers["Location"]
        order_id = path.removeprefix("/v1/orders/")
        record(front, order_id)
        front.post(f"{path}/cancel", by=buyer)
        record(front, order_id)
        response = front.get(f"{path}/history", brand=True)
        types = [one["change"]["type"] for one in response.json["data"]]
        assert types == ["order.submitted", "order.cancelled"]
        assert response.json["verification"]["verified"] is True
        assert ADDRESS["name"].encode() not in response.body
        assert ADDRESS["line1"].encode() not in response.body

    def test_of_what_is_not_there(self, front: Front) -> None:
        assert front.get("/v1/orders/x/history", brand=True).code == "404 order_not_found"


class TestClaimHistory:
    def test_is_whole_and_holds_no_words(self, front: Front) -> None:
        order = front.world.delivered(Partners())
        new = NewClaim(reason=ClaimReason.WRONG_ITEM, description="It is a scarf.")
        principal = Principal(customer_id=order.buyer_id)
        claim = open_claim(front.world.uow(principal=principal), order_id=order.id, new=new)
        record(front, claim.id)
        front.post(f"/v1/claims/{claim.id}/resolve", {"decision": "deny", "note": "The photos show it."}, brand=True)
        record(front, claim.id)
        response = front.get(f"/v1/claims/{claim.id}/history", brand=True)
        assert [one["change"]["type"] for one in response.json["data"]] == ["claim.opened", "claim.denied"]
        assert response.json["verification"]["verified"] is True
        assert b"scarf" not in response.body

    def test_is_the_brands(self, front: Front, seller: Shopper) -> None:
        path = "/v1/claims/clm_" + "0" * 32 + "/history"
        assert front.get(path, by=seller).code == "403 secret_key_required"

    @pytest.mark.parametrize("claim_id", ["clm_" + "0" * 32, "x"])
    def test_of_what_is_not_there(self, front: Front, claim_id: str) -> None:
        assert front.get(f"/v1/claims/{claim_id}/history", brand=True).code == "404 claim_not_found"


class TestPayoutHistory:
    def test_is_whole_and_the_brands(self, front: Front, seller: Shopper) -> None:
        order = front.world.run(front.world.delivered(Partners(), seller=seller), Partners(), now=LATER)
        payout = start_payout(
            front.world.uow(now=LATER), seller_id=seller_id_of(order.seller_id), method=PayoutMethod.STORE_CREDIT
        )
        record(front, payout.id)
        response = front.get(f"/v1/payouts/{payout.id}/history", brand=True)
        assert [one["change"]["type"] for one in response.json["data"]] == ["payout.paid"]
        assert response.json["verification"]["verified"] is True
        assert front.get(f"/v1/payouts/{payout.id}/history", by=seller).code == "403 secret_key_required"

    @pytest.mark.parametrize("payout_id", ["pyt_" + "0" * 32, "ord_" + "0" * 32, "x"])
    def test_of_what_is_not_there(self, front: Front, payout_id: str) -> None:
        assert front.get(f"/v1/payouts/{payout_id}/history", brand=True).code == "404 payout_not_found"


class TestPurchaseHistory:
    def test_is_whole_and_the_brands(self, front: Front, seller: Shopper) -> None:
        purchase = front.world.bought(seller)
        record(front, purchase.id)
        listing = front.post("/v1/listings", a_listing_body(purchase_id=purchase.id), by=seller).json
        record(front, purchase.id)
        front.post(f"/v1/listings/{listing['id']}/withdraw", by=seller)
        record(front, purchase.id)
        path = f"/v1/purchases/{purchase.id}/history"
        response = front.get(path, brand=True).json
        types = ["purchase.recorded", "purchase.claimed", "purchase.released"]
        assert [one["change"]["type"] for one in response["data"]] == types
        assert response["verification"] == {"verified": True, "head_version": 3, "findings": []}
        assert front.get(path, by=seller).code == "403 secret_key_required"

    @pytest.mark.parametrize("purchase_id", ["pur_" + "0" * 32, "ord_" + "0" * 32, "web"])
    def test_of_what_is_not_there(self, front: Front, purchase_id: str) -> None:
        assert front.get(f"/v1/purchases/{purchase_id}/history", brand=True).code == "404 purchase_not_found"

    def test_has_a_path_that_no_purchase_has(self, front: Front) -> None:
        assert front.put("/v1/purchases/web/history", {}, brand=True).code == "405 method_not_allowed"
