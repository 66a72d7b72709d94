"""Listings as responses: an ETag that images change too, upload forms for the seller, links to private photos."""

import zlib
from datetime import datetime
from typing import Any, TypeGuard

import msgspec
from django.http import HttpResponse

from apps.core.views import json_response
from apps.storefront.context import Context
from apps.storefront.responses import PUBLIC_CACHING, Representation, version_tag
from resale.application.ports import UploadForms
from resale.application.queries.listings import (
    UPLOAD_LIMITS,
    BrandListing,
    ImageView,
    ListingPage,
    OwnerListing,
    PublicListing,
    UploadView,
    listing_document,
    listing_json,
    view_listing,
)
from resale.application.queries.media import has_private_photos, link_private_page, link_private_photos
from resale.domain.ids import ListingId
from resale.domain.listings import Listing
from resale.domain.media import MediaStatus, original_key


def listing_tag(view: PublicListing) -> str:
    """Return the ETag of a listing. Images change independently of it, so those who see them get a second part."""
    if not isinstance(view, OwnerListing):
        return version_tag(view.version)
    states = "".join(image.id + image.status for image in view.images)
    return f'"{view.version}-{zlib.crc32(states.encode()):08x}"'


def page_response(context: Context[Any, Any], page: ListingPage) -> HttpResponse:
    """Return a page of active listings."""
    return json_response(listing_json(page, media_base_url=context.media_base_url))


def linked_page_response(context: Context[Any, Any], page: ListingPage) -> HttpResponse:
    """Return a page of listings in any state, with links to private photos."""
    linked = link_private_page(page, links=context.links)
    return json_response(listing_json(linked, media_base_url=context.media_base_url, has_links=True))


def represent(context: Context[Any, Any], view: PublicListing, *, tag: str | None = None) -> Representation:
    """Encode a listing, with an upload form for each slot that waits for an upload, and links to private photos."""
    caching = None if isinstance(view, OwnerListing) else PUBLIC_CACHING
    tag = tag or listing_tag(view)
    if offers_uploads(view, context):
        view = _with_uploads(view, forms=context.uploads, now=context.now)
    linked = link_private_photos(view, links=context.links) if has_private_photos(view) else None
    body = listing_json(linked or view, media_base_url=context.media_base_url, has_links=linked is not None)
    return Representation(body=body, id=view.id, tag=tag, caching=caching)


def represent_written(context: Context[Any, Any], listing: Listing) -> Representation:
    """Encode a listing that was just written, as the caller sees it."""
    document = listing_document(listing)
    return represent(context, view_listing(reader=context.reader, principal=context.principal, document=document))


def is_signed(view: PublicListing, context: Context[Any, Any]) -> bool:
    """Return whether the response holds upload forms or links, which expire: the client cannot keep it."""
    return offers_uploads(view, context) or has_private_photos(view)


def offers_uploads(view: PublicListing, context: Context[Any, Any]) -> TypeGuard[OwnerListing]:
    """Return whether the caller receives upload forms: only the seller does, not the brand."""
    if not isinstance(view, OwnerListing) or isinstance(view, BrandListing):
        return False
    awaited = (image for image in view.images if image.status == MediaStatus.AWAITING_UPLOAD)
    return any(_is_waiting(image, now=context.now) for image in awaited)


def _is_waiting(image: ImageView, *, now: datetime) -> bool:
    return image.status == MediaStatus.AWAITING_UPLOAD and now < image.upload_expires_at


def _with_uploads(view: OwnerListing, *, forms: UploadForms, now: datetime) -> OwnerListing:
    """Add the upload forms; they expire before slots do, and are signed again."""
    images = tuple(
        _with_upload(view.id, image, forms=forms, now=now) if _is_waiting(image, now=now) else image
        for image in view.images
    )
    return msgspec.structs.replace(view, images=images)


def _with_upload(listing_id: ListingId, image: ImageView, *, forms: UploadForms, now: datetime) -> ImageView:
    form = forms.sign(
        key=original_key(listing_id, image.id),
        content_type=image.content_type,
        min_bytes=image.bytes,
        max_bytes=image.bytes,
        now=now,
    )
    upload = UploadView(url=form.url, fields=form.fields, expires_at=form.expires_at, limits=UPLOAD_LIMITS)
    return msgspec.structs.replace(image, upload=upload)
