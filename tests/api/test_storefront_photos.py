"""Photos over HTTP: everybody opens an approved one; before and after, only those who see the listing do, by a link."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.local.journey.client import Client
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import Decision
from resale.application.operations.media import retire_photos
from resale.domain.media import Media
from tests.fixtures.storefront import Front
from tests.operations.photographs import (
    add_photo,
    decide,
    drafted,
    keys,
    on_show,
    publish,
    store_of,
    submitted,
)


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


def path(media: Media) -> str:
    return f"/v1/listings/{media.listing_id}"


def urls(shown: Any) -> set[str]:
    """Where the renditions of a listing are, as its photos and its images say."""
    return {rendition["url"] for one in (*shown["photos"], *shown.get("images", ())) for rendition in one["renditions"]}


def public_urls(front: Front, media: Media) -> set[str]:
    return {f"{front.shop.tenant.resources.media_base_url}/{key}" for key in keys(media)}


def statuses(opened: set[str]) -> set[int]:
    return {Client(url).get("").status for url in opened}


def unsigned(opened: set[str]) -> set[str]:
    return {urlsplit(url)._replace(query="").geturl() for url in opened}


class TestBeforeApproval:
    @pytest.mark.parametrize("listed", [drafted, submitted])
    def test_its_seller_and_the_brand_get_links(self, front: Front, seller: Shopper, listed: Any) -> None:
        media = listed(front.world, seller=seller)
        assert front.get(path(media)).code == "404 listing_not_found"
        for asked in ({"by": seller}, {"brand": True}):
            shown = front.get(path(media), **asked).json
            assert [len(image["renditions"]) for image in shown["images"]] == [len(media.renditions)]
            assert [photo["renditions"] for photo in shown["photos"]] in (
                [],
                [image["renditions"] for image in shown["images"]],
            )
            assert statuses(urls(shown)) == {200}
            assert statuses(unsigned(urls(shown))) == {403}

    def test_links_are_signed_anew_and_kept_by_nobody(self, front: Front, seller: Shopper) -> None:
        media = submitted(front.world, seller=seller)
        for asked in ({"by": seller}, {"brand": True}):
            first = front.get(path(media), **asked)
            again = front.get(path(media), headers={"If-None-Match": first.headers["ETag"]}, **asked)
            assert (again.status, again.headers["ETag"]) == (200, first.headers["ETag"])
            assert "no-store" in again.headers["Cache-Control"]

    def test_the_answer_to_a_change_has_links_too(self, front: Front, seller: Shopper) -> None:
        media = drafted(front.world, seller=seller)
        shown = front.post(f"{path(media)}/submit", by=seller).json
        assert shown["status"] == "pending_review"
        assert statuses(urls(shown)) == {200}

    def test_a_list_links_the_smallest_sizes_alone(self, front: Front, seller: Shopper) -> None:
        media, shown = submitted(front.world, seller=seller), on_show(front.world, seller=seller)
        for asked in ({"by": seller}, {"brand": True}):
            listed = front.get(f"/v1/sellers/{media.seller_id}/listings", **asked).json["data"]
            by_id = {one["id"]: one for one in listed}
            pending, active = by_id[media.listing_id], by_id[shown.listing_id]
            assert {rendition["edge_px"] for rendition in pending["photos"][0]["renditions"]} == {320}
            assert statuses(urls(pending)) == {200}
            assert urls(active) == public_urls(front, shown)
        assert [one["id"] for one in front.get(f"/v1/sellers/{media.seller_id}/listings").json["data"]] == [
            shown.listing_id
        ]


class TestAfterApproval:
    def test_everybody_gets_the_public_urls(self, front: Front, seller: Shopper) -> None:
        media = on_show(front.world, seller=seller)
        for asked in ({}, {"by": seller}, {"brand": True}):
            first = front.get(path(media), **asked)
            assert urls(first.json) == public_urls(front, media)
            again = front.get(path(media), headers={"If-None-Match": first.headers["ETag"]}, **asked)
            assert again.status == 304
        assert statuses(public_urls(front, media)) == {200}

    def test_a_new_photo_has_links_and_the_approved_one_stays_public(self, front: Front, seller: Shopper) -> None:
        media = on_show(front.world, seller=seller)
        added = add_photo(front.world, media)
        shown = front.get(path(media), by=seller).json
        assert shown["status"] == "pending_review"
        for name in ("photos", "images"):
            approved, new = (
                urls({"photos": [one for one in shown[name] if one["id"] == each.id]}) for each in (media, added)
            )
            assert approved == public_urls(front, media)
            assert statuses(approved) == statuses(new) == {200}
            assert statuses(unsigned(new)) == {403}
        assert statuses(public_urls(front, added)) <= {403, 404}
        decide(front.world, media.listing_id, Decision.APPROVE)
        publish(front.world, media.listing_id)
        assert urls(front.get(path(media)).json) == public_urls(front, media) | public_urls(front, added)
        assert statuses(public_urls(front, added)) == {200}


class TestTakenDown:
    @pytest.mark.parametrize("listed", [submitted, on_show])
    def test_its_seller_and_the_brand_get_links(self, front: Front, seller: Shopper, listed: Any) -> None:
        media = listed(front.world, seller=seller)
        front.post(f"{path(media)}/withdraw", by=seller)
        retire_photos(front.world.uow(), store=store_of(front.world), listing_id=media.listing_id)
        assert front.get(path(media)).code == "404 listing_not_found"
        assert statuses(public_urls(front, media)) <= {403, 404}
        for asked in ({"by": seller}, {"brand": True}):
            shown = front.get(path(media), **asked).json
            assert statuses(urls(shown)) == {200}
            assert statuses(unsigned(urls(shown))) == {403}
