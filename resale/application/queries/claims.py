"""Claims as each party sees them: each view is an allow-list."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.ports import Document, Page, PrivateLinks, Reader, UploadForms
from resale.application.queries.listings import UPLOAD_LIMITS, UploadView
from resale.application.queries.orders import ParcelView
from resale.domain.access import Principal, Role
from resale.domain.claims import Claim, ClaimNotFound, ClaimPrivate, ClaimReason, ClaimStatus
from resale.domain.entities import CLAIM
from resale.domain.ids import ClaimId, CustomerId, ListingId, MediaId, OrderId
from resale.domain.media import Media, MediaStatus, RefusalReason, evidence_album, original_key


class EvidenceView(msgspec.Struct, frozen=True, kw_only=True):
    """A photo of a claim. ``url`` expires after 15 minutes. The buyer sees ``upload`` until the photo is uploaded."""

    id: MediaId
    object: str = "image"
    status: MediaStatus
    content_type: str
    bytes: int
    rejection_reason: RefusalReason | None = None
    url: str | None = None
    upload_expires_at: datetime
    upload: UploadView | None = None


class ClaimView(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that all parties see. ``description`` is the buyer's text, ``note`` the brand's."""

    id: ClaimId
    object: str
    livemode: bool
    version: int
    status: ClaimStatus
    order_id: OrderId
    listing_id: ListingId
    reason: ClaimReason
    evidence: tuple[EvidenceView, ...] = ()
    refund_amount: int | None
    currency: str
    return_shipment: ParcelView | None
    deadline_at: datetime
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    description: str | None = None
    note: str | None = None


class BuyerClaim(ClaimView, frozen=True, kw_only=True):
    """A claim as its buyer sees it, with the return label."""

    buyer_id: CustomerId
    return_label_url: str | None = None


class SellerClaim(ClaimView, frozen=True, kw_only=True):
    """A claim as the seller sees it, without the buyer."""


class BrandClaim(ClaimView, frozen=True, kw_only=True):
    """A claim as the brand and its staff see it.

    ``return_label_message`` is why the carrier refused the return label, in its own words; null in lists.
    """

    buyer_id: CustomerId
    seller_id: CustomerId
    attention: str | None = None
    issues: tuple[str, ...] = ()
    due_at: datetime | None = None
    return_label_message: str | None = None


class ClaimPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of claims as JSON-ready views."""

    object: str = "list"
    data: tuple[ClaimView, ...]
    has_more: bool
    next_cursor: str | None


class _Parties(msgspec.Struct):
    buyer_id: CustomerId
    seller_id: CustomerId
    status: ClaimStatus


_VIEWS: Final[dict[Role, type[ClaimView]]] = {Role.OWNER: BuyerClaim, Role.COUNTERPARTY: SellerClaim}
_PARTIES: Final = msgspec.json.Decoder(_Parties)
_DECODERS: Final[dict[type[ClaimView], msgspec.json.Decoder[ClaimView]]] = {
    kind: msgspec.json.Decoder(kind) for kind in (BuyerClaim, SellerClaim, BrandClaim)
}
_ENCODER: Final = msgspec.json.Encoder()
_SHOWN: Final = (1600, "image/webp")  # of a photo's renditions: damage is small


def get_claim(*, reader: Reader, principal: Principal, claim_id: ClaimId) -> ClaimView:
    """Return a claim as the caller sees it.

    Shape: reads 1 item, and a data key.

    Raises:
        ClaimNotFound: None that the caller may see.
    """
    document = reader.find(CLAIM, claim_id)
    if document is None:
        raise ClaimNotFound
    return view_claim(reader=reader, principal=principal, document=document)


def view_claim(*, reader: Reader, principal: Principal, document: Document, with_words: bool = True) -> ClaimView:
    """Return the caller's view of a claim document.

    Raises:
        ClaimNotFound: Not for this caller's eyes.
    """
    parties = _PARTIES.decode(document.doc)
    role = CLAIM.authorize_view(principal, parties)
    view = _DECODERS[_VIEWS.get(role, BrandClaim)].decode(document.doc)
    if not with_words or document.private is None:
        return view
    opened = reader.vault.open(document.private, ClaimPrivate, owner_id=parties.buyer_id, entity_id=document.id)
    view = msgspec.structs.replace(view, description=opened.description, note=opened.note)
    if isinstance(view, BuyerClaim):
        return msgspec.structs.replace(view, return_label_url=opened.return_label_url)
    if isinstance(view, BrandClaim):
        return msgspec.structs.replace(view, return_label_message=opened.return_label_message)
    return view


def list_evidence(
    *, reader: Reader, links: PrivateLinks, forms: UploadForms | None, claim_id: ClaimId, now: datetime
) -> tuple[EvidenceView, ...]:
    """Return a claim's photos for a caller who can see the claim.

    Shape: reads the images of the claim; signs a link each.

    Args:
        reader: On the tenant.
        links: Signs the way to a photo.
        forms: Signs uploads, for the buyer; None for anybody else.
        claim_id: A claim the caller may see.
        now: Moment of the request, aware UTC.

    Returns:
        The photos in the order they were asked for.

    Raises:
        Unavailable: No credentials that outlive a link.
    """
    return tuple(_evidence(image, links, forms, now) for image in reader.list_media(evidence_album(claim_id)))


def _evidence(image: Media, links: PrivateLinks, forms: UploadForms | None, now: datetime) -> EvidenceView:
    shown = next((one for one in image.renditions if (one.edge_px, one.content_type) == _SHOWN), None)
    waits = image.status == MediaStatus.AWAITING_UPLOAD and now < image.upload_expires_at
    upload = None
    if forms is not None and waits:
        size, key = image.slot.bytes, original_key(image.listing_id, image.id)
        form = forms.sign(key=key, content_type=image.slot.content_type, min_bytes=size, max_bytes=size, now=now)
        upload = UploadView(url=form.url, fields=form.fields, expires_at=form.expires_at, limits=UPLOAD_LIMITS)
    return EvidenceView(
        id=image.id,
        status=image.status,
        content_type=image.slot.content_type,
        bytes=image.slot.bytes,
        rejection_reason=image.rejection_reason,
        url=None if shown is None else links.sign(shown.key),
        upload_expires_at=image.upload_expires_at,
        upload=upload,
    )


def list_claims(*, reader: Reader, principal: Principal, limit: int, cursor: str | None) -> ClaimPage:
    """List claims, newest first: a buyer's own, or for the brand those not closed. Without texts.

    Shape: one query a shard; at most ``limit`` (1-100) claims.

    Raises:
        InvalidCursor: The cursor was changed or belongs to another list.
    """
    if principal.standing != Role.PUBLIC:
        page = reader.list_open_claims(limit=limit, cursor=cursor)
    elif principal.customer_id is None:
        return ClaimPage(data=(), has_more=False, next_cursor=None)
    else:
        page = reader.list_by(CLAIM, "buyer_id", principal.customer_id, limit=limit, cursor=cursor)
    return _page(reader, principal, page)


def claim_document(claim: Claim) -> Document:
    """Return the document of a claim that an operation returned, so that all views are built from documents."""
    private = None if claim.private is UNSET else claim.private
    doc = _ENCODER.encode(msgspec.structs.replace(claim, private=UNSET))
    return Document(id=claim.id, version=claim.version, doc=doc, private=private)


def _page(reader: Reader, principal: Principal, page: Page) -> ClaimPage:
    views = tuple(
        view_claim(reader=reader, principal=principal, document=document, with_words=False)
        for document in page.documents
    )
    return ClaimPage(data=views, has_more=page.next_cursor is not None, next_cursor=page.next_cursor)
