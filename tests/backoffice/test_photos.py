"""Photos as staff see them: in every state of the listing, and by a link where nobody else does."""

import re
from html import unescape

import urllib3

from resale.application.operations.listings import Decision
from resale.application.operations.media import retire_photos
from resale.domain.media import Media
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.operations.photographs import decide, keys, on_show, publish, store_of, submitted
from tests.operations.world import World


def pictures(client: StaffClient, media: Media) -> set[str]:
    """Every picture that the page of a listing shows or leads to."""
    html = client.get("listing", listing_id=media.listing_id).html
    gallery = html.partition("data-gallery")[2].partition("</ul>")[0]
    return {unescape(url) for url in re.findall(r'(?:src|href)="(http[^"]*)"', gallery)}


def statuses(urls: set[str]) -> set[int]:
    return {urllib3.request("GET", url, retries=False).status for url in urls}


def public_urls(world: World, media: Media) -> set[str]:
    return {f"{world.tenant.resources.media_base_url}/{key}" for key in keys(media)}


class TestPhotos:
    def test_of_a_listing_that_waits_are_shown_to_staff_by_links(
        self, backoffice: Backoffice, viewer: StaffClient
    ) -> None:
        media = submitted(backoffice.front.world)
        shown = pictures(viewer, media)
        assert statuses(shown) == {200}
        assert statuses({url.partition("?")[0] for url in shown}) == {403}

    def test_of_an_approved_listing_are_those_that_everybody_sees(
        self, backoffice: Backoffice, moderator: StaffClient
    ) -> None:
        world = backoffice.front.world
        media = submitted(world)
        version = world.listing(media.listing_id).version
        moderator.post("listing-approve", {"version": str(version)}, listing_id=media.listing_id)
        publish(world, media.listing_id)
        shown = pictures(moderator, media)
        assert shown <= public_urls(world, media)
        assert statuses(shown) == {200}

    def test_of_one_that_was_taken_down_are_shown_by_links_again(
        self, backoffice: Backoffice, viewer: StaffClient
    ) -> None:
        world = backoffice.front.world
        media = on_show(world)
        decide(world, media.listing_id, Decision.REMOVE)
        retire_photos(world.uow(), store=store_of(world), listing_id=media.listing_id)
        shown = pictures(viewer, media)
        assert statuses(shown) == {200}
        assert statuses(public_urls(world, media)) <= {403, 404}
