"""Upload forms: signed for the seller, for each image slot that still waits, and never for anybody else."""

from datetime import datetime

import msgspec

from resale.application.ports import UploadForms
from resale.application.queries.listings import UPLOAD_LIMITS, ImageView, OwnerListing, UploadView
from resale.domain.ids import ListingId
from resale.domain.media import MediaStatus, original_key


def is_waiting(image: ImageView, *, now: datetime) -> bool:
    """Say whether an image slot still takes an upload."""
    return image.status == MediaStatus.AWAITING_UPLOAD and now < image.upload_expires_at


def with_uploads(view: OwnerListing, *, forms: UploadForms, now: datetime) -> OwnerListing:
    """Add a form to each slot that waits for its upload; forms live shorter than slots, and are signed anew."""
    images = tuple(
        _with_upload(view.id, image, forms=forms, now=now) if is_waiting(image, now=now) else image
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
