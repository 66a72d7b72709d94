"""Listings over HTTP."""

from tests.fixtures.storefront import Front, a_listing_body


class TestCreate:
    def test_answers_with_the_draft_and_a_form_for_each_image(self, front: Front) -> None:
        seller = front.shopper()
        answer = front.post("/v1/listings", a_listing_body(), by=seller)
        assert answer.status == 201, answer.body
        print(answer.headers, answer.body)
        got = front.get(answer.headers["Location"], by=seller)
        print(got.headers, got.body)
        got = front.get("/v1/listings")
        print(got.body)
