"""Listings as each audience sees them: each view is an allow-list, decoded directly from the document."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.ports import Document, Page, Reader
from resale.domain.access import Principal, Role
from resale.domain.entities import LISTING
from resale.domain.ids import CustomerId, ListingId, MediaId, OrderId, PurchaseId
from resale.domain.image_formats import CONTENT_TYPES, LIMITS, MAX_IMAGE_BYTES, MAX_SIDE_PX
from resale.domain.listings import Condition, Listing, ListingNotFound, ListingPrivate, ListingStatus
from resale.domain.media import Media, MediaStatus, RefusalReason
from resale.domain.money import Money
from resale.domain.parcel_sizes import Parcel


class RenditionView(msgspec.Struct, frozen=True, kw_only=True):
    """One size of a photo. ``key`` leaves as ``url``: see ``listing_json``."""

    edge_px: int
    width_px: int
    height_px: int
    content_type: str
    bytes: int
    key: str = msgspec.field(name="$key")


class PhotoView(msgspec.Struct, frozen=True, kw_only=True):
    """A photo of a listing, the best rendition first."""

    id: MediaId
    renditions: tuple[RenditionView, ...]


class UploadLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of an upload.

    ``max_pixels`` is width times height, by type; a progressive JPEG may have 50,000,000, an interlaced PNG 25,000,000,
    an AVIF of more than 8 bits 12,500,000.
    """

    content_types: tuple[str, ...]
    max_bytes: int
    max_side_px: int
    max_pixels: dict[str, int]


class UploadView(msgspec.Struct, frozen=True, kw_only=True):
    """A presigned POST. Send ``fields`` and then ``file`` as multipart/form-data to ``url``.

    Send ``fields`` unchanged, including ``Content-Type``; the type that a browser sends for the file is ignored. A file
    that exceeds ``limits`` is rejected after the upload, with a reason.
    """

    url: str
    fields: dict[str, str]
    expires_at: datetime
    limits: UploadLimits


UPLOAD_LIMITS: Final = UploadLimits(
    content_types=CONTENT_TYPES,
    max_bytes=MAX_IMAGE_BYTES,
    max_side_px=MAX_SIDE_PX,
    max_pixels={content_type: limit.max_pixels for content_type, limit in LIMITS.items()},
)


class ImageView(msgspec.Struct, frozen=True, kw_only=True):
    """An image slot as its seller sees it. ``upload`` is present until the image is uploaded."""

    id: MediaId
    object: str = "image"
    status: MediaStatus
    content_type: str
    bytes: int
    rejection_reason: RefusalReason | None = None
    renditions: tuple[RenditionView, ...] = ()
    upload_expires_at: datetime
    upload: UploadView | None = None


class PublicListing(msgspec.Struct, frozen=True, kw_only=True):
    """A listing as the public sees it."""

    id: ListingId
    object: str
    livemode: bool
    version: int
    status: ListingStatus
    seller_id: CustomerId
    title: str
    description: str
    product: str
    condition: Condition
    price: Money
    market: str
    custom_fields: dict[str, str | int | bool]
    photos: tuple[PhotoView, ...]
    published_at: datetime | None
    expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class OwnerListing(PublicListing, frozen=True, kw_only=True):
    """A listing as its seller sees it, with the review, the moderator's reasons, the image slots and the purchase.

    ``parcel``, ``ships_from``, ``hs_code`` and ``origin_country`` are null where the listing has none of its own: then
    the shop's data of the product counts.
    """

    submitted_at: datetime | None
    parcel: Parcel | None = None
    ships_from: str | None = None
    hs_code: str | None = None
    origin_country: str | None = None
    relisted_from: ListingId | None = None
    purchase_id: PurchaseId | None = None
    reasons: tuple[str, ...] = ()
    images: tuple[ImageView, ...] = ()


class BrandListing(OwnerListing, frozen=True, kw_only=True):
    """A listing as the brand and its staff see it, with the order that reserved it."""

    order_id: OrderId | None


class ListingPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of listings as JSON-ready views."""

    object: str = "list"
    data: tuple[PublicListing, ...]
    has_more: bool
    next_cursor: str | None


_VIEWS: Final[dict[Role, type[PublicListing]]] = {Role.PUBLIC: PublicListing, Role.OWNER: OwnerListing}
_DECODERS: Final[dict[type[PublicListing], msgspec.json.Decoder[PublicListing]]] = {
    kind: msgspec.json.Decoder(kind) for kind in (PublicListing, OwnerListing, BrandListing)
}
_ENCODER: Final = msgspec.json.Encoder()


def get_listing(*, reader: Reader, principal: Principal, listing_id: ListingId) -> PublicListing:
    """Return a listing as the caller sees it.

    Shape: reads 1 item; for its seller and the brand also its images.

    Raises:
        ListingNotFound: None that the caller may see.
    """
    document = reader.find(LISTING, listing_id)
    if document is None:
        raise ListingNotFound
    return view_listing(reader=reader, principal=principal, document=document)


def find_public_fields(*, reader: Reader, listing_id: ListingId) -> PublicListing | None:
    """Return the public fields of a listing in any status, for a copy that callers share; None if there is none.

    Whether a caller can see them is for ``LISTING.authorize_view`` to decide, for each caller.

    Shape: reads 1 item.
    """
    document = reader.find(LISTING, listing_id)
    return None if document is None else _DECODERS[PublicListing].decode(document.doc)


def view_listing(
    *, reader: Reader, principal: Principal, document: Document, with_images: bool = True
) -> PublicListing:
    """Return the caller's view of a listing document.

    Raises:
        ListingNotFound: Not for this caller's eyes.
    """
    public = _DECODERS[PublicListing].decode(document.doc)  # what most callers get: nothing is decoded twice for them
    role = LISTING.authorize_view(principal, public)
    kind = _VIEWS.get(role, BrandListing)
    view = public if kind is PublicListing else _DECODERS[kind].decode(document.doc)
    if not isinstance(view, OwnerListing):
        return view
    images = reader.list_media(ListingId(document.id)) if with_images else ()
    frozen = {photo.id: photo.renditions for photo in view.photos}
    return msgspec.structs.replace(
        view,
        reasons=_reasons(reader, document, public.seller_id),
        images=tuple(view_image(image, frozen=frozen.get(image.id)) for image in images),
    )


def view_image(image: Media, *, frozen: tuple[RenditionView, ...] | None = None) -> ImageView:
    """Return the view of an image slot for its seller; ``frozen`` are its renditions in the listing's photo."""
    renditions = msgspec.convert(image.renditions, tuple[RenditionView, ...], from_attributes=True)
    return ImageView(
        id=image.id,
        status=image.status,
        content_type=image.slot.content_type,
        bytes=image.slot.bytes,
        rejection_reason=image.rejection_reason,
        renditions=renditions if frozen is None else frozen,
        upload_expires_at=image.upload_expires_at,
    )


def list_active_listings(
    *, reader: Reader, market: str, product: str | None, limit: int, cursor: str | None
) -> ListingPage:
    """List the active listings of a product or of a market, newest first.

    Shape: one query a shard; at most ``limit`` (1-100) listings.

    Raises:
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    if product is not None:
        page = reader.list_product_listings(product=product, limit=limit, cursor=cursor)
    else:
        page = reader.list_active_listings(market=market, limit=limit, cursor=cursor)
    decode = _DECODERS[PublicListing].decode
    return _page(page, tuple(decode(document.doc) for document in page.documents))


def list_seller_listings(
    *, reader: Reader, principal: Principal, seller_id: CustomerId, limit: int, cursor: str | None
) -> ListingPage:
    """List a seller's listings, newest first; other callers see public ones only, so a page may be short.

    Shape: one query; at most ``limit`` (1-100) listings.

    Raises:
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    page = reader.list_seller_listings(seller_id=seller_id, limit=limit, cursor=cursor)
    return _page(page, _visible(reader, principal, page))


def list_review_queue(*, reader: Reader, principal: Principal, limit: int, cursor: str | None) -> ListingPage:
    """List the listings that wait for review, oldest first, for callers with permission.

    Raises:
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    page = reader.list_review_queue(limit=limit, cursor=cursor)
    return _page(page, _visible(reader, principal, page))


def list_off_sale(
    *, reader: Reader, principal: Principal, status: ListingStatus, limit: int, cursor: str | None
) -> ListingPage:
    """List the listings of one status that are not on sale (``OFF_SALE``), newest first, for callers with permission.

    Raises:
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    page = reader.list_off_sale(status=status, limit=limit, cursor=cursor)
    return _page(page, _visible(reader, principal, page))


def listing_document(listing: Listing) -> Document:
    """Return the document of a listing that an operation returned, so that all views are built from documents."""
    private = None if listing.private is UNSET else listing.private
    doc = _ENCODER.encode(msgspec.structs.replace(listing, private=UNSET))
    return Document(id=listing.id, version=listing.version, doc=doc, private=private)


def listing_json(view: PublicListing | ListingPage, *, media_base_url: str, has_links: bool = False) -> bytes:
    """Encode a view, with the ``url`` of each rendition instead of its stored ``$key``; a signed link is a URL itself.

    One pass over the bytes, a second where ``has_links``: no text of a user can hold an unescaped ``"$key":"``, and no
    custom field has that name.
    """
    body = _ENCODER.encode(view)
    if has_links:
        body = body.replace(b'"$key":"http', b'"url":"http')  # a key begins with its folder
    # Split and joined: half the time of ``replace``, which looks for a needle that ends with JSON's commonest byte.
    return (b'"url":"' + media_base_url.encode() + b"/").join(body.split(b'"$key":"'))


def _visible(reader: Reader, principal: Principal, page: Page) -> tuple[PublicListing, ...]:
    views = []
    for document in page.documents:
        try:
            views.append(view_listing(reader=reader, principal=principal, document=document, with_images=False))
        except ListingNotFound:
            continue
    return tuple(views)


def _page(page: Page, views: tuple[PublicListing, ...]) -> ListingPage:
    return ListingPage(data=views, has_more=page.next_cursor is not None, next_cursor=page.next_cursor)


def _reasons(reader: Reader, document: Document, seller_id: CustomerId) -> tuple[str, ...]:
    if document.private is None:
        return ()
    opened = reader.vault.open(document.private, ListingPrivate, owner_id=seller_id, entity_id=document.id)
    return opened.reasons
