"""Evidence over HTTP: a buyer's photo goes straight to the bucket, is cleaned, and is never public."""

import hashlib
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.local.journey.client import Client, upload
from resale.application.operations.customers import Shopper
from resale.application.operations.media import process_image
from resale.domain.claims import MAX_EVIDENCE
from resale.domain.ids import ClaimId, MediaId
from resale.domain.media import evidence_album
from tests.fixtures.pictures import jpeg, scene
from tests.fixtures.storefront import Front
from tests.operations.partners import Partners

PHOTO = jpeg(scene(64, 48))
SLOT = {"content_type": "image/jpeg", "bytes": len(PHOTO), "sha256": hashlib.sha256(PHOTO).hexdigest()}


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def buyer(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def path(front: Front, seller: Shopper, buyer: Shopper) -> str:
    """A claim of today."""
    ordered = front.buy(front.world.active(seller), by=buyer).json["id"]
    order = front.world.uow().orders.get(ordered)
    order = front.world.run(order, Partners(), now=order.created_at)
    for status in ("in_transit", "delivered"):
        order = front.world.scan(order, status, now=order.updated_at)  # type: ignore[arg-type]  # read as its enum
    complaint = {"reason": "damaged_in_transit", "description": "The zip is broken."}
    return front.post(f"/v1/orders/{ordered}/claims", complaint, by=buyer).headers["Location"]


def rendered(front: Front, claim: Any) -> None:
    """Do what the bucket's event does."""
    world, tenant = front.world, front.shop.tenant
    process_image(
        world.uow(now=datetime.now(UTC)),
        store=front.container.media_store(tenant),
        codec=front.container.codec,
        listing_id=evidence_album(ClaimId(claim["id"])),
        media_id=MediaId(claim["evidence"][-1]["id"]),
    )


class TestEvidence:
    def test_is_uploaded_cleaned_and_shown_to_the_parties_alone(
        self, front: Front, path: str, buyer: Shopper, seller: Shopper
    ) -> None:
        added = front.post(f"{path}/evidence", SLOT, by=buyer)
        assert (added.status, added.json["status"]) == (201, "under_review")
        (slot,) = added.json["evidence"]
        assert upload(slot["upload"]["url"], slot["upload"]["fields"], PHOTO).status == HTTPStatus.NO_CONTENT
        rendered(front, added.json)
        for asked in ({"by": buyer}, {"by": seller}, {"brand": True}):
            (shown,) = front.get(path, **asked).json["evidence"]
            assert (shown["status"], shown["upload"]) == ("ready", None)
            assert "/evidence/" in shown["url"]
            picture = Client(shown["url"]).get("")
            assert (picture.status, picture.headers["content-type"]) == (200, "image/webp")
            bare = urlsplit(shown["url"])._replace(query="").geturl()
            assert Client(bare).get("").status == HTTPStatus.FORBIDDEN
        assert front.get(path, by=front.shopper()).code == "404 claim_not_found"

    def test_only_its_buyer_gets_the_form(self, front: Front, path: str, buyer: Shopper, seller: Shopper) -> None:
        front.post(f"{path}/evidence", SLOT, by=buyer)
        assert front.get(path, by=buyer).json["evidence"][0]["upload"] is not None
        assert front.get(path, by=seller).json["evidence"][0]["upload"] is None
        assert front.post(f"{path}/evidence", SLOT, by=seller).code == "403 forbidden"
        assert front.post(f"{path}/evidence", SLOT, brand=True).code == "401 token_missing"

    def test_the_same_key_adds_one_photo(self, front: Front, path: str, buyer: Shopper) -> None:
        keyed = {"Idempotency-Key": uuid.uuid4().hex}
        first = front.post(f"{path}/evidence", SLOT, by=buyer, headers=keyed)
        again = front.post(f"{path}/evidence", SLOT, by=buyer, headers=keyed)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert [one["id"] for one in again.json["evidence"]] == [one["id"] for one in first.json["evidence"]]

    def test_is_bounded_and_ends_with_the_decision(self, front: Front, path: str, buyer: Shopper) -> None:
        for _ in range(MAX_EVIDENCE):
            assert front.post(f"{path}/evidence", SLOT, by=buyer).status == 201
        assert front.post(f"{path}/evidence", SLOT, by=buyer).code == "409 too_much_evidence"
        front.post(f"{path}/resolve", {"decision": "deny", "note": "No."}, brand=True)
        assert front.post(f"{path}/evidence", SLOT, by=buyer).code == "409 claim_transition_refused"
