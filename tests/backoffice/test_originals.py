"""Private originals, which staff reach by a short link."""

import urllib.error
import urllib.request
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from resale.domain.changes import ChangeType
from resale.domain.ids import MediaId
from resale.domain.listings import Listing
from resale.domain.media import MediaStatus, original_key
from tests.backoffice.staff_clients import Backoffice, Shown, StaffClient
from tests.unit.builders import a_rendition

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

FIRST, LATER = b"the picture that counts", b"something put over it"


@pytest.fixture
def pictured(backoffice: Backoffice) -> tuple[Listing, MediaId]:
    """A listing with an original that was overwritten after it was accepted."""
    world = backoffice.front.world
    listing, slots = world.draft(backoffice.front.shopper())
    version_id = _put(backoffice, original_key(listing.id, slots[0].id), FIRST)
    _put(backoffice, original_key(listing.id, slots[0].id), LATER)
    uow = world.uow()
    stored = uow.media.get(listing.id, slots[0].id)
    ready = msgspec.structs.replace(
        stored,
        status=MediaStatus.READY,
        original_version=version_id,
        original_sha256="b" * 64,
        perceptual_hash="c" * 16,
        renditions=(a_rendition(),),
        due_at=None,
    )
    uow.media.save(ready, change_type=ChangeType.IMAGE_READY)
    uow.commit()
    return listing, slots[0].id


class TestOriginals:
    def test_are_reached_by_a_link_for_a_minute(
        self, moderator: StaffClient, pictured: tuple[Listing, MediaId]
    ) -> None:
        link = _original(moderator, pictured).location
        assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["60"]
        assert _read(link) == FIRST

    def test_a_changed_link_opens_nothing(self, moderator: StaffClient, pictured: tuple[Listing, MediaId]) -> None:
        link = _original(moderator, pictured).location
        with pytest.raises(urllib.error.HTTPError) as refused:
            _read(link.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
        refused.value.close()
        assert refused.value.code == 403

    def test_are_for_those_who_decide(
        self, viewer: StaffClient, manager: StaffClient, pictured: tuple[Listing, MediaId]
    ) -> None:
        assert _original(manager, pictured).location.startswith("http")
        assert _original(viewer, pictured).location.startswith("/admin/listings/")

    def test_of_an_image_never_accepted_are_not_there(self, backoffice: Backoffice, moderator: StaffClient) -> None:
        listing, slots = backoffice.front.world.draft(backoffice.front.shopper())
        assert _original(moderator, (listing, slots[0].id)).status == 404
        assert moderator.get("original", listing_id=listing.id, media_id="x").status == 404


def _original(client: StaffClient, pictured: tuple[Listing, MediaId]) -> Shown:
    return client.get("original", listing_id=pictured[0].id, media_id=pictured[1])


def _put(backoffice: Backoffice, key: str, body: bytes) -> str:
    tenant = backoffice.front.shop.tenant
    s3 = cast("S3Client", backoffice.front.container.sessions.for_tenant(tenant).client("s3"))
    return s3.put_object(Bucket=tenant.resources.media_bucket, Key=key, Body=body)["VersionId"]


def _read(link: str) -> bytes:
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - a link just signed
        return bytes(answer.read())
