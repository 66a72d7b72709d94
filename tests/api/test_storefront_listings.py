"""Listings over HTTP: made, shown, changed, decided on, listed, and never another tenant's."""

from datetime import timedelta

import pytest

from apps.core import clock
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import Decision
from resale.domain.listings import Listing
from tests.fixtures.storefront import Front, a_listing_body
from tests.operations.world import customer_of
from tests.unit.builders import LISTING, NOW, SELLER

APPROVE = {"decision": Decision.APPROVE}


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def draft(front: Front, seller: Shopper) -> Listing:
    return front.world.draft(seller, now=clock.for_tenant(front.shop.tenant))[0]


@pytest.fixture
def active(front: Front, seller: Shopper) -> Listing:
    return front.world.active(seller)


def url(listing: Listing, action: str = "") -> str:
    return f"/v1/listings/{listing.id}{action}"


class TestCreateListing:
    def test_answers_with_a_draft_and_a_form_for_each_image(self, front: Front, seller: Shopper) -> None:
        images = [{"content_type": "image/jpeg", "bytes": 1000}, {"content_type": "image/png", "bytes": 2000}]
        response = front.post("/v1/listings", a_listing_body(images=images), by=seller)
        made = response.json
        assert response.status == 201
        assert response.headers["Location"] == f"/v1/listings/{made['id']}"
        assert response.headers["ETag"].startswith('"1')
        assert [image["status"] for image in made["images"]] == ["awaiting_upload"] * 2
        keys = [image["upload"]["fields"]["key"] for image in made["images"]]
        assert keys == [f"originals/{made['id']}/{image['id']}" for image in made["images"]]
        assert made["images"][1]["upload"]["fields"]["Content-Type"] == "image/png"

    @pytest.mark.parametrize(
        ("said", "plain"),
        [
            ("image/jpg", "image/jpeg"),
            ("IMAGE/JPEG", "image/jpeg"),
            ("image/jpeg; charset=utf-8", "image/jpeg"),
            ("image/PNG ;x=y", "image/png"),
            ("image/heic", "image/heic"),
            ("image/heif-sequence", "image/heif"),
            ("image/avif", "image/avif"),
        ],
    )
    def test_content_types_are_taken_as_browsers_and_telephones_write_them(
        self, front: Front, seller: Shopper, said: str, plain: str
    ) -> None:
        made = front.post("/v1/listings", a_listing_body(images=[{"content_type": said, "bytes": 9}]), by=seller)
        (image,) = made.json["images"]
        assert (made.status, image["content_type"]) == (201, plain)
        assert image["upload"]["fields"]["Content-Type"] == plain
        assert image["upload"]["limits"]["max_bytes"] == 40 * 1024 * 1024
        assert image["upload"]["limits"]["max_pixels"][plain if plain != "image/heif" else "image/heic"] >= 16_000_000

    def test_is_a_shoppers_call(self, front: Front) -> None:
        assert front.post("/v1/listings", a_listing_body()).code == "401 token_missing"
        assert front.post("/v1/listings", a_listing_body(), brand=True).code == "401 token_missing"

    def test_a_token_makes_it_a_shoppers_call_whichever_key_carries_it(self, front: Front, seller: Shopper) -> None:
        response = front.post("/v1/listings", a_listing_body(), by=seller, brand=True)
        assert response.json["seller_id"] == customer_of(front.world, seller)

    def test_refuses_a_foreign_currency(self, front: Front, seller: Shopper) -> None:
        response = front.post("/v1/listings", a_listing_body(price={"amount": 1, "currency": "USD"}), by=seller)
        assert (response.code, response.pointers) == ("422 price_refused", ["/price/currency"])


class TestGetListing:
    def test_everybody_sees_what_is_on_sale(self, front: Front, active: Listing) -> None:
        response = front.get(url(active))
        assert (response.status, response.headers["ETag"]) == (200, f'"{active.version}"')
        rendition = response.json["photos"][0]["renditions"][0]
        assert rendition["url"].startswith(front.shop.tenant.resources.media_base_url + "/renditions/")

    def test_a_draft_is_there_for_its_seller_and_the_brand_only(
        self, front: Front, draft: Listing, seller: Shopper
    ) -> None:
        assert front.get(url(draft)).code == "404 listing_not_found"
        assert front.get(url(draft), by=front.shopper()).code == "404 listing_not_found"
        assert front.get(url(draft), by=seller).json["images"][0]["upload"] is not None
        assert front.get(url(draft), brand=True).json["images"][0]["upload"] is None

    def test_says_that_nothing_changed(self, front: Front, active: Listing, seller: Shopper) -> None:
        tag = front.get(url(active)).headers["ETag"]
        for known in (tag, f"W/{tag}", f'"0", {tag}', "*"):
            response = front.get(url(active), headers={"If-None-Match": known})
            assert (response.status, response.body, response.headers["ETag"]) == (304, b"", tag)
        front.post(url(active, "/withdraw"), by=seller)
        assert front.get(url(active), by=seller, headers={"If-None-Match": tag}).status == 200

    def test_a_change_of_an_image_is_a_change_to_its_seller(self, front: Front, seller: Shopper) -> None:
        listing, slots = front.world.draft(seller, now=clock.for_tenant(front.shop.tenant))
        before = front.get(url(listing), by=seller).headers["ETag"]
        front.world.make_ready(slots[0])
        after = front.get(url(listing), by=seller, headers={"If-None-Match": before})
        assert after.status == 200
        assert front.get(url(listing), by=seller, headers={"If-None-Match": after.headers["ETag"]}).status == 304

    def test_a_waiting_slot_is_answered_with_a_fresh_form_always(self, front: Front, seller: Shopper) -> None:
        listing, _ = front.world.draft(seller, now=clock.for_tenant(front.shop.tenant))
        tag = front.get(url(listing), by=seller).headers["ETag"]
        assert front.get(url(listing), by=seller, headers={"If-None-Match": tag}).status == 200

    def test_a_slot_whose_time_is_over_gets_no_form(self, front: Front, seller: Shopper) -> None:
        long_ago = clock.for_tenant(front.shop.tenant) - timedelta(hours=2)
        listing, _ = front.world.draft(seller, now=long_ago)
        assert front.get(url(listing), by=seller).json["images"][0]["upload"] is None

    @pytest.mark.parametrize("text", ["x", LISTING.upper(), LISTING + "0", SELLER, "lst_", "%00", "..", "a" * 3000])
    def test_what_is_no_listing_id_is_no_listing(self, front: Front, text: str) -> None:
        assert front.get(f"/v1/listings/{text}").code == "404 listing_not_found"

    def test_an_unknown_one_is_not_found(self, front: Front) -> None:
        assert front.get(f"/v1/listings/{LISTING}", brand=True).code == "404 listing_not_found"

    def test_only_a_public_answer_may_be_kept(self, front: Front, active: Listing, seller: Shopper) -> None:
        assert front.get(url(active)).headers["Cache-Control"] == "private, no-cache"
        assert "no-store" in front.get(url(active), by=seller).headers["Cache-Control"]

    def test_says_until_when_it_is_on_sale(self, front: Front, active: Listing) -> None:
        until = NOW + timedelta(days=90)
        assert front.get(url(active)).json["expires_at"] == until.isoformat().replace("+00:00", "Z")
        assert "due_at" not in front.get(url(active), brand=True).json


class TestListListings:
    def test_is_of_the_shops_own_market_newest_first(self, front: Front, seller: Shopper) -> None:
        later = NOW + timedelta(days=3_650)  # after what other tests leave behind
        first = front.world.active(seller, now=later)
        second = front.world.active(seller, now=later + timedelta(seconds=1))
        listed = front.get("/v1/listings?limit=2").json["data"]
        assert [listing["id"] for listing in listed] == [second.id, first.id]
        assert front.get("/v1/listings?market=US").json["data"] == []

    def test_of_a_product_in_pages(self, front: Front, seller: Shopper) -> None:
        made = [front.world.active(seller, product="paged") for _ in range(3)]
        page = front.get("/v1/listings?product=paged&limit=2").json
        assert page["has_more"] is True
        rest = front.get(f"/v1/listings?product=paged&limit=2&cursor={page['next_cursor']}").json
        found = [listing["id"] for listing in page["data"] + rest["data"]]
        assert sorted(found) == sorted(listing.id for listing in made)
        assert (rest["has_more"], rest["next_cursor"]) == (False, None)

    def test_leaves_out_what_is_not_on_sale(self, front: Front, seller: Shopper) -> None:
        listing = front.world.active(seller, product="gone")
        front.post(url(listing, "/withdraw"), by=seller)
        assert front.get("/v1/listings?product=gone").json["data"] == []

    def test_a_product_called_null_is_a_product(self, front: Front, seller: Shopper) -> None:
        listing = front.world.active(seller, product="null")
        assert [one["id"] for one in front.get("/v1/listings?product=null").json["data"]] == [listing.id]


class TestSellerListings:
    def test_its_seller_and_the_brand_see_all_others_what_is_on_show(
        self, front: Front, draft: Listing, active: Listing, seller: Shopper
    ) -> None:
        path = f"/v1/sellers/{customer_of(front.world, seller)}/listings"
        assert {one["id"] for one in front.get(path, by=seller).json["data"]} == {draft.id, active.id}
        assert {one["id"] for one in front.get(path, brand=True).json["data"]} == {draft.id, active.id}
        assert {one["id"] for one in front.get(path).json["data"]} == {active.id}

    def test_what_is_no_customer_id_is_no_seller(self, front: Front) -> None:
        assert front.get(f"/v1/sellers/{LISTING}/listings").code == "404 customer_not_found"


class TestEditListing:
    def test_changes_what_is_said_and_keeps_the_rest(self, front: Front, draft: Listing, seller: Shopper) -> None:
        response = front.patch(url(draft), {"title": "Longer title"}, by=seller, headers={"If-Match": '"1"'})
        assert (response.status, response.json["title"], response.json["product"]) == (
            200,
            "Longer title",
            draft.product,
        )
        assert response.json["version"] == 2

    def test_takes_back_the_tag_it_gave(self, front: Front, draft: Listing, seller: Shopper) -> None:
        tag = front.get(url(draft), by=seller).headers["ETag"]
        assert front.patch(url(draft), {"title": "New"}, by=seller, headers={"If-Match": tag}).status == 200

    def test_adds_images_with_forms(self, front: Front, seller: Shopper) -> None:
        made = front.post("/v1/listings", a_listing_body(), by=seller).json
        more = {"images": [{"content_type": "image/webp", "bytes": 5}]}
        images = front.patch(f"/v1/listings/{made['id']}", more, by=seller).json["images"]
        assert [image["upload"]["fields"]["Content-Type"] for image in images] == ["image/jpeg", "image/webp"]

    @pytest.mark.parametrize("tag", ['"7"', "1", '"x"', '"1", "2"', '""', '"-1"'])
    def test_refuses_another_version_than_there_is(
        self, front: Front, draft: Listing, seller: Shopper, tag: str
    ) -> None:
        response = front.patch(url(draft), {"title": "New"}, by=seller, headers={"If-Match": tag})
        assert response.code == "412 precondition_failed"
        assert front.world.listing(draft.id).version == 1

    def test_refuses_who_is_not_its_seller(self, front: Front, draft: Listing, active: Listing) -> None:
        assert front.patch(url(draft), {"title": "X"}, by=front.shopper()).code == "404 listing_not_found"
        assert front.patch(url(active), {"title": "X"}, by=front.shopper()).code == "403 forbidden"
        assert front.patch(url(draft), {"title": "X"}).code == "401 token_missing"
        assert front.patch(url(draft), {"title": "X"}, brand=True).code == "401 token_missing"

    def test_refuses_what_the_state_does_not_allow(self, front: Front, active: Listing, seller: Shopper) -> None:
        images = {"images": [{"content_type": "image/png", "bytes": 1}]}
        assert front.patch(url(active), images, by=seller).code == "409 listing_images_frozen"
        front.post(url(active, "/withdraw"), by=seller)
        assert front.patch(url(active), {"title": "X"}, by=seller).code == "409 listing_transition_refused"

    def test_refuses_a_foreign_currency(self, front: Front, draft: Listing, seller: Shopper) -> None:
        response = front.patch(url(draft), {"price": {"amount": 1, "currency": "EUR"}}, by=seller)
        assert response.code == "422 price_refused"

    def test_refuses_more_images_than_a_listing_keeps(self, front: Front, draft: Listing, seller: Shopper) -> None:
        images = {"images": [{"content_type": "image/png", "bytes": 1}] * 12}
        codes = [front.patch(url(draft), images, by=seller) for _ in range(4)]
        assert [response.status for response in codes[:3]] == [200] * 3
        assert codes[3].code == "409 too_many_images"


class TestSubmitListing:
    def test_asks_for_review_and_again_changes_nothing(self, front: Front, seller: Shopper) -> None:
        listing, slots = front.world.draft(seller)
        assert front.post(url(listing, "/submit"), by=seller).code == "409 listing_images_pending"
        front.world.make_ready(slots[0])
        for _ in range(2):
            response = front.post(url(listing, "/submit"), {}, by=seller)
            assert (response.status, response.json["status"], response.json["version"]) == (200, "pending_review", 2)

    def test_refuses_another_version_than_there_is(self, front: Front, seller: Shopper) -> None:
        listing, slots = front.world.draft(seller)
        front.world.make_ready(slots[0])
        response = front.post(url(listing, "/submit"), by=seller, headers={"If-Match": '"9"'})
        assert response.code == "412 precondition_failed"

    def test_refuses_others_and_other_states(
        self, front: Front, draft: Listing, active: Listing, seller: Shopper
    ) -> None:
        assert front.post(url(draft, "/submit")).code == "401 token_missing"
        assert front.post(url(draft, "/submit"), by=front.shopper()).code == "404 listing_not_found"
        assert front.post(url(active, "/submit"), by=front.shopper()).code == "403 forbidden"
        assert front.post(url(active, "/submit"), by=seller).code == "409 listing_transition_refused"

    def test_refuses_a_body_that_says_something(self, front: Front, draft: Listing, seller: Shopper) -> None:
        response = front.post(url(draft, "/submit"), {"status": "active"}, by=seller)
        assert (response.code, response.pointers) == ("422 validation_failed", ["/status"])


class TestWithdrawListing:
    def test_by_its_seller_and_again_changes_nothing(self, front: Front, active: Listing, seller: Shopper) -> None:
        for _ in range(2):
            response = front.post(url(active, "/withdraw"), by=seller)
            assert (response.status, response.json["status"]) == (200, "withdrawn")
        assert front.get(url(active)).code == "404 listing_not_found"

    def test_by_the_brand(self, front: Front, active: Listing) -> None:
        assert front.post(url(active, "/withdraw"), brand=True).json["status"] == "withdrawn"

    def test_refuses_others_and_other_states(self, front: Front, active: Listing, seller: Shopper) -> None:
        assert front.post(url(active, "/withdraw")).code == "401 token_missing"
        assert front.post(url(active, "/withdraw"), by=front.shopper()).code == "403 forbidden"
        stale = {"If-Match": f'"{active.version - 1}"'}
        assert front.post(url(active, "/withdraw"), by=seller, headers=stale).code == "412 precondition_failed"
        front.buy(active, by=front.shopper())
        assert front.post(url(active, "/withdraw"), by=seller).code == "409 listing_transition_refused"


class TestPauseListing:
    def test_by_its_seller_hides_it_until_it_is_resumed(self, front: Front, active: Listing, seller: Shopper) -> None:
        for _ in range(2):
            response = front.post(url(active, "/pause"), by=seller)
            assert (response.status, response.json["status"]) == (200, "paused")
        assert front.get(url(active)).code == "404 listing_not_found"
        assert front.buy(active, by=front.shopper()).code == "404 listing_not_found"
        for _ in range(2):
            response = front.post(url(active, "/resume"), by=seller)
            assert (response.status, response.json["status"]) == (200, "active")
        assert front.get(url(active)).status == 200

    def test_by_the_brand(self, front: Front, active: Listing) -> None:
        assert front.post(url(active, "/pause"), brand=True).json["status"] == "paused"
        assert front.post(url(active, "/resume"), brand=True).json["status"] == "active"

    def test_refuses_others_and_other_states(self, front: Front, active: Listing, seller: Shopper) -> None:
        for action in ("/pause", "/resume"):
            assert front.post(url(active, action)).code == "401 token_missing"
            assert front.post(url(active, action), by=front.shopper()).code == "403 forbidden"
        stale = {"If-Match": f'"{active.version - 1}"'}
        assert front.post(url(active, "/pause"), by=seller, headers=stale).code == "412 precondition_failed"
        front.buy(active, by=front.shopper())
        assert front.post(url(active, "/pause"), by=seller).code == "409 listing_transition_refused"
        assert front.post(url(active, "/resume"), by=seller).code == "409 listing_transition_refused"


class TestModerateListing:
    @pytest.mark.parametrize(
        ("decision", "status"),
        [("approve", "active"), ("reject", "rejected"), ("request_changes", "changes_requested")],
    )
    def test_decides(self, front: Front, seller: Shopper, decision: str, status: str) -> None:
        listing = front.world.pending(seller)
        body = {"decision": decision, "reasons": ["The lining is not shown."], "version": listing.version}
        response = front.post(url(listing, "/moderation"), body, brand=True)
        assert (response.status, response.json["status"]) == (200, status)
        assert front.get(url(listing), by=seller).json["reasons"] == ["The lining is not shown."]

    def test_is_the_brands(self, front: Front, seller: Shopper) -> None:
        listing = front.world.pending(seller)
        assert front.post(url(listing, "/moderation"), APPROVE).code == "403 secret_key_required"
        assert front.post(url(listing, "/moderation"), APPROVE, by=seller).code == "403 secret_key_required"

    def test_refuses_to_decide_on_what_was_not_looked_at(self, front: Front, seller: Shopper) -> None:
        listing = front.world.pending(seller)
        front.patch(url(listing), {"title": "Edited"}, by=seller)
        stale = {**APPROVE, "version": listing.version}
        assert front.post(url(listing, "/moderation"), stale, brand=True).code == "409 listing_changed"
        tag = {"If-Match": f'"{listing.version}"'}
        assert (
            front.post(url(listing, "/moderation"), APPROVE, brand=True, headers=tag).code == "412 precondition_failed"
        )

    def test_refuses_what_is_not_in_review_or_not_there(self, front: Front, draft: Listing) -> None:
        assert front.post(url(draft, "/moderation"), APPROVE, brand=True).code == "409 listing_transition_refused"
        unknown = f"/v1/listings/{LISTING}/moderation"
        assert front.post(unknown, APPROVE, brand=True).code == "404 listing_not_found"

    def test_takes_down_what_is_on_sale_with_a_reason(self, front: Front, active: Listing, seller: Shopper) -> None:
        response = front.post(url(active, "/moderation"), {"decision": "remove"}, brand=True)
        assert (response.code, response.pointers) == ("422 validation_failed", ["/reasons"])
        body = {"decision": "remove", "reasons": ["It is a copy."]}
        for _ in range(2):
            response = front.post(url(active, "/moderation"), body, brand=True)
            assert (response.status, response.json["status"]) == (200, "removed")
        assert front.get(url(active)).code == "404 listing_not_found"
        assert front.get(url(active), by=seller).json["reasons"] == ["It is a copy."]
        assert front.post(url(active, "/resume"), by=seller).code == "409 listing_transition_refused"

    def test_takes_nothing_down_that_an_order_holds(self, front: Front, active: Listing) -> None:
        front.buy(active, by=front.shopper())
        body = {"decision": "remove", "reasons": ["It is a copy."]}
        response = front.post(url(active, "/moderation"), body, brand=True)
        assert response.code == "409 listing_transition_refused"

    def test_refuses_a_decision_it_does_not_know(self, front: Front, draft: Listing) -> None:
        response = front.post(url(draft, "/moderation"), {"decision": "burn"}, brand=True)
        assert (response.code, response.pointers) == ("422 validation_failed", ["/decision"])


class TestScopes:
    def test_a_secret_key_does_only_what_it_was_made_for(self, narrow: Front, draft: Listing) -> None:
        calls = [
            narrow.get(url(draft), brand=True),
            narrow.get(f"/v1/sellers/{SELLER}/listings", brand=True),
            narrow.post(url(draft, "/withdraw"), brand=True),
            narrow.post(url(draft, "/pause"), brand=True),
            narrow.post(url(draft, "/resume"), brand=True),
            narrow.post(url(draft, "/moderation"), APPROVE, brand=True),
            narrow.get(url(draft, "/history"), brand=True),
            narrow.get("/v1/orders", brand=True),
        ]
        assert {call.code for call in calls} == {"403 scope_missing"}
