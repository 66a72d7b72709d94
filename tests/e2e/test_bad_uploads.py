"""What strangers upload, through the public API: refused by S3's policy, or by the image worker, which lives on."""

from pathlib import Path
from typing import Any

import pytest

from deploy.local.journey.client import Client
from tests.e2e.machine import Machine, eventually
from tests.e2e.shops import Picture, Shop, Shopper, seen, send_picture
from tests.fixtures.bombs import png_with_texts
from tests.fixtures.pictures import flat, jpeg, png, png_bomb, scene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TELEPHONE = Path(__file__).parents[1] / "samples/photos/telephone.heic"
UNSEEN = {403, 404}
SCRIPT = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(document.domain)</script></svg>'


@pytest.fixture
def shop(machine: Machine) -> Shop:
    return Shop(machine, "northwind")


@pytest.fixture(scope="module")
def good() -> bytes:
    return jpeg(scene(640, 480))


class TestBadUploads:
    def test_the_worker_refuses_each_with_its_reason_and_lives(self, shop: Shop, machine: Machine, good: bytes) -> None:
        worker, seller = machine.leader("images"), shop.shopper()
        expected = {
            Picture(b"Not a photograph at all.\n" * 40): "not_an_image",  # a text file named .jpg
            Picture(good[: len(good) // 2]): "truncated",
            Picture(png_bomb(50_000), "image/png"): "too_many_pixels",
            Picture(SCRIPT): "unsupported_format",
            Picture(png_with_texts(png(scene(64, 64)), kind=b"zTXt", count=9, mebibytes=64), "image/png"): None,
            Picture(jpeg(flat([9, 200, 9], width=3, height=12_800))): None,
            Picture(good, "image/png"): None,
            Picture(TELEPHONE.read_bytes(), "image/heic"): None,
            Picture(good): None,
        }
        draft = shop.draft(seller, list(expected))
        for image, picture in zip(draft["images"], expected, strict=True):
            assert send_picture(image, picture).status == 204
        images = shop.images_done(seller, draft["id"])
        assert [image["rejection_reason"] for image in images] == list(expected.values())
        outcomes = [(image["status"], len(image["renditions"])) for image in images]
        assert outcomes == [("rejected", 0)] * 4 + [("ready", 6)] * 5
        assert worker.is_alive

    def test_s3_refuses_another_size_than_was_said(self, shop: Shop, good: bytes) -> None:
        seller = shop.shopper()
        pictures = [Picture(content, bytes_said=len(good)) for content in (b"", good[:-1], good + b"\0")]
        draft = shop.draft(seller, pictures)
        for image, picture in zip(draft["images"], pictures, strict=True):
            assert send_picture(image, picture).status == 400
        assert [image["status"] for image in images_of(seller, draft)] == ["awaiting_upload"] * 3

    def test_s3_refuses_a_form_for_another_key_or_type(self, shop: Shop, good: bytes) -> None:
        (image,) = shop.draft(shop.shopper(), [Picture(good)])["images"]
        for changed in ({"key": "originals/elsewhere"}, {"Content-Type": "text/html"}):
            forged = {"upload": {**image["upload"], "fields": {**image["upload"]["fields"], **changed}}}
            assert send_picture(forged, Picture(good)).status == 403

    def test_the_api_takes_no_other_type(self, shop: Shop) -> None:
        response = shop.shopper().client.post("/v1/listings", {"images": [Picture(SCRIPT, "image/svg+xml").slot]})
        assert response.status == 422
        assert "/images/0/content_type" in {error["pointer"] for error in response.json["errors"]}


class TestUsedSlots:
    def test_neither_a_second_upload_nor_one_after_approval_changes_anything(
        self, shop: Shop, machine: Machine, good: bytes
    ) -> None:
        seller = shop.shopper()
        first, second = (Picture(padded(content)) for content in (good, jpeg(scene(640, 480, seed=9))))
        draft = shop.draft(seller, [first])
        (slot,) = draft["images"]
        assert send_picture(slot, first).status == 204
        shop.images_done(seller, draft["id"])
        before = images_of(seller, draft)
        assert send_picture(slot, second).status == 204
        settle(machine, shop, good)
        assert images_of(seller, draft) == before
        shop.submit(seller, draft["id"])
        shop.decide(draft["id"], decision="approve")
        approved = seen(shop.public, f"/v1/listings/{draft['id']}")
        photos = eventually(lambda: photos_of(approved), lambda seen: None not in seen, until="its photos are public")
        assert send_picture(slot, second).status == 204
        settle(machine, shop, good)
        assert seen(shop.public, f"/v1/listings/{draft['id']}") == approved
        assert photos_of(approved) == photos


class TestApproval:
    def test_photos_are_public_from_then_on(self, shop: Shop, good: bytes) -> None:
        seller = shop.shopper()
        (listing_id,) = shop.in_review(seller, Picture(good), count=1)
        links = [each["url"] for each in seen(seller.client, f"/v1/listings/{listing_id}")["photos"][0]["renditions"]]
        assert {Client(link).get().status for link in links} == {200}
        urls = {link.partition("?")[0].replace("/pending/", "/renditions/") for link in links}
        assert {Client(url).get().status for url in urls} <= UNSEEN
        shop.decide(listing_id, decision="approve")
        approved = seen(shop.public, f"/v1/listings/{listing_id}")
        assert {each["url"] for each in approved["photos"][0]["renditions"]} == urls
        eventually(
            lambda: photos_of(approved), lambda photos: None not in photos, until="everybody sees it", seconds=60
        )


class TestTakenDown:
    def test_photos_stop_being_public_with_the_listing(self, shop: Shop, good: bytes) -> None:
        seller = shop.shopper()
        (listing_id,) = shop.on_sale(seller, Picture(good), count=1)
        url = seen(shop.public, f"/v1/listings/{listing_id}")["photos"][0]["renditions"][0]["url"]
        eventually(lambda: Client(url).get().status, lambda status: status == 200, until="everybody sees it")
        shop.decide(listing_id, decision="remove", reasons=["Counterfeit."])
        assert shop.public.get(f"/v1/listings/{listing_id}").status == 404
        eventually(lambda: Client(url).get().status, UNSEEN.__contains__, until="nobody sees it", seconds=60)


def images_of(seller: Shopper, draft: dict[str, Any]) -> list[dict[str, Any]]:
    """The images without their forms and the signatures of their links, which are made anew each time."""
    images: list[dict[str, Any]] = seen(seller.client, f"/v1/listings/{draft['id']}")["images"]
    for image in images:
        del image["upload"]
        for rendition in image["renditions"]:
            rendition["url"] = rendition["url"].partition("?")[0]
    return images


def photos_of(listing: dict[str, Any]) -> list[bytes | None]:
    """What everybody sees, byte by byte; None for what is not public."""
    answers = [Client(rendition["url"]).get() for rendition in listing["photos"][0]["renditions"]]
    return [response.content if response.status == 200 else None for response in answers]


def padded(picture: bytes) -> bytes:
    """The same picture in a file of 200 kB: decoders stop at its end."""
    return picture.ljust(200_000, b"\0")


def settle(machine: Machine, shop: Shop, good: bytes) -> None:
    """Wait until the worker has seen every upload so far: it has done a later one, and its queue is empty."""
    seller = shop.shopper()
    draft = shop.draft(seller, [Picture(good)])
    assert send_picture(draft["images"][0], Picture(good)).status == 204
    shop.images_done(seller, draft["id"])
    eventually(lambda: machine.queue_depths()["northwind-images"], lambda depth: depth == 0, until="all is looked at")
