"""Images: slots for one upload, their statuses, and reasons of refusals."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec

from resale.domain.ids import CLAIM_ID, LISTING_ID, MEDIA_ID, ClaimId, CustomerId, ListingId, MediaId
from resale.domain.image_formats import MAX_IMAGE_BYTES, ContentType, normalise_content_type
from resale.domain.text import code
from resale.errors import Conflict, NotFound, Rejected, Unavailable

SCHEMA = 1
MAX_IMAGES = 12  # in one listing
MAX_STORED_IMAGES = 48  # over all edits of one listing, refused and unused slots included
MAX_ATTEMPTS = 2  # repeated ones; the first is not counted, so a slot is rejected after three without an outcome
EXPIRY_GRACE = timedelta(seconds=60)  # an upload begun in the last second still arrives
RENDITION_EDGES_PX = (1600, 800, 320)

Sha256Hex = Annotated[str, code(r"^[0-9a-f]{64}\Z")]
ImageBytes = Annotated[
    int,
    msgspec.Meta(
        ge=1, le=MAX_IMAGE_BYTES, description="The exact size of the file in bytes; the upload form accepts no other."
    ),
]


class MediaStatus(StrEnum):
    """The status of an image slot. All but the first are final."""

    AWAITING_UPLOAD = "awaiting_upload"
    READY = "ready"
    REJECTED = "rejected"
    EXPIRED = "expired"


class RefusalReason(StrEnum):
    """The reason why an upload is refused.

    ``type_mismatch`` is no longer used: a valid picture with a wrong declared type is accepted.
    """

    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TYPE_MISMATCH = "type_mismatch"
    SIZE_MISMATCH = "size_mismatch"
    DIGEST_MISMATCH = "digest_mismatch"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TRUNCATED = "truncated"
    UNPROCESSABLE = "unprocessable"


class ImageRefused(Rejected):
    """The uploaded file is not an image that is accepted; ``reason`` is why."""

    code = "image_refused"
    title = "Image refused"
    default_detail = "The uploaded file is not an image that this shop accepts. Upload another one."

    def __init__(self, reason: RefusalReason) -> None:
        """Store the reason; the detail is its code, never content."""
        super().__init__(reason.value)
        self.reason = reason


class ImageNotRendered(Unavailable):
    """Rendering was stopped before its end; the same file can be rendered later."""

    code = "image_not_rendered"
    title = "Image not rendered"
    default_detail = "Rendering the image took too long. It is retried automatically."


class MediaNotFound(NotFound):
    """The image does not exist."""

    code = "image_not_found"
    title = "Image not found"
    default_detail = "No image with this id exists, or this caller cannot see it."


class MediaChanged(Conflict):
    """Another worker changed the image first."""

    code = "image_changed"
    title = "Image changed"
    default_detail = "Another worker changed the image meanwhile. Read it again, then retry."


class TooManyImages(Rejected):
    """The listing has the maximum number of images."""

    code = "too_many_images"
    title = "Too many images"
    default_detail = "The listing already has the maximum number of images."


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """One size of an image. ``key`` is derived from the hash of its bytes; its folder decides who can open it.

    It is stored as ``$key``, a name no custom field can have, so that views turn it into a URL in one pass.
    """

    edge_px: int
    width_px: int
    height_px: int
    content_type: str
    bytes: int
    sha256: str
    key: str = msgspec.field(name="$key")


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration of an upload, to which the upload form is bound."""

    content_type: ContentType
    bytes: ImageBytes
    sha256: Sha256Hex | None = None

    def __post_init__(self) -> None:
        """Normalise the content type."""
        plain = normalise_content_type(self.content_type)
        if plain != self.content_type:
            msgspec.structs.force_setattr(self, "content_type", plain)


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """An image slot of a listing, or of a claim as evidence (``evidence_album``).

    ``original_version`` pins the one upload that counts; ``seller_id`` is whose it is. ``original_content_type`` is
    what the bytes are, which the slot need not have said. ``attempt_count`` counts the repeated attempts at the upload.
    """

    id: MediaId
    object: str = "image"
    schema: int = SCHEMA
    listing_id: ListingId
    seller_id: CustomerId
    slot: Slot
    status: MediaStatus = MediaStatus.AWAITING_UPLOAD
    rejection_reason: RefusalReason | None = None
    original_version: str | None = None
    original_sha256: str | None = None
    original_content_type: str | None = None
    attempt_count: int = 0
    perceptual_hash: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    renditions: tuple[Rendition, ...] = ()
    upload_expires_at: datetime
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    version: int = 0


class RenderedRendition(msgspec.Struct, frozen=True, kw_only=True):
    """The encoded bytes of one size, before they are stored."""

    edge_px: int
    width_px: int
    height_px: int
    content_type: str
    sha256: str
    body: bytes


class RenderedImage(msgspec.Struct, frozen=True, kw_only=True):
    """The result of rendering an upload. ``perceptual_hash`` is 64 bits in hexadecimal."""

    content_type: str
    width_px: int
    height_px: int
    sha256: str
    perceptual_hash: str
    renditions: tuple[RenderedRendition, ...]


_PUBLIC = "renditions/"
_PENDING = "pending/"  # not approved yet
_RETIRED = "retired/"  # of listings that were taken down
_EXTENSIONS = {"image/webp": "webp", "image/jpeg": "jpg"}
_CONTENT_TYPES = {extension: content_type for content_type, extension in _EXTENSIONS.items()}


def upload_deadline_of(media: Media) -> datetime:
    """Return the deadline of a slot without an upload."""
    return media.upload_expires_at + EXPIRY_GRACE


def original_key(listing_id: ListingId, media_id: MediaId) -> str:
    """Return the private key of an upload."""
    return f"originals/{listing_id}/{media_id}"


def evidence_album(claim_id: ClaimId) -> ListingId:
    """Return the album of a claim's photos: the claim's id in place of a listing's."""
    return ListingId(claim_id)


def parse_original_key(key: str) -> tuple[ListingId, MediaId] | None:
    """Return listing and image of an upload's key; None for any other key."""
    parts = key.split("/")
    if len(parts) != len(("originals", "listing", "media")) or parts[0] != "originals":
        return None
    if not ((LISTING_ID.matches(parts[1]) or CLAIM_ID.matches(parts[1])) and MEDIA_ID.matches(parts[2])):
        return None
    return ListingId(parts[1]), MediaId(parts[2])


def rendition_key(album: ListingId, sha256: str, content_type: str) -> str:
    """Return the key that a new rendition is stored under: content-addressed and private.

    Each album has a folder of its own, so that the photos of one listing can be published and taken down alone.
    """
    folder = pending_folder(album) if LISTING_ID.matches(album) else f"evidence/{album}/"
    return f"{folder}{sha256}.{_EXTENSIONS[content_type]}"


def content_type_of(key: str) -> str:
    """Return the content type of a rendition, by the end of its key."""
    return _CONTENT_TYPES[key.rpartition(".")[2]]


def pending_folder(listing_id: ListingId) -> str:
    """Return the private folder of a listing's renditions that nobody has approved yet."""
    return f"{_PENDING}{listing_id}/"


def public_folder(listing_id: ListingId) -> str:
    """Return the folder of a listing's public renditions."""
    return f"{_PUBLIC}{listing_id}/"


def public_key(key: str) -> str:
    """Return the public key of a rendition that is pending until its listing is approved."""
    return _PUBLIC + key.removeprefix(_PENDING) if key.startswith(_PENDING) else key


def retired_key(key: str) -> str:
    """Return the private key of a rendition whose listing is taken down."""
    return _RETIRED + key.removeprefix(_PUBLIC).removeprefix(_PENDING)


def is_public(key: str) -> bool:
    """Return whether anybody can open the object of a rendition."""
    return key.startswith(_PUBLIC)
