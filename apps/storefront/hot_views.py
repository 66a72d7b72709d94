"""The public view of a hot listing, from a copy that the callers of a process share for a second."""

from typing import Any

import msgspec
from django.http import HttpResponse

from apps.core.hot_listings.process import get_hot_listings
from apps.storefront.context import Context
from apps.storefront.listing_views import listing_tag
from apps.storefront.responses import PUBLIC_CACHING, Representation, is_current, not_modified
from resale.application.queries.listings import PublicListing, find_public_fields, listing_json
from resale.domain.access import Role
from resale.domain.entities import LISTING
from resale.domain.ids import ListingId
from resale.domain.listings import ListingNotFound


class SharedListing(msgspec.Struct, frozen=True, gc=False):
    """The public fields of a listing in any status, and the response to those who can see them.

    The response depends on the listing and the tenant alone: public photos have public URLs, and no caller is named.
    """

    view: PublicListing
    response: Representation


def find_shared_view(context: Context[Any, Any], listing_id: ListingId) -> Representation | HttpResponse | None:
    """Return the response for a caller who sees the public form, from a copy; None if the caller sees another form.

    Raises:
        ListingNotFound: None that the caller can see, as of at most ``COPY_SECONDS`` ago.
    """
    shared = get_shared_listing(context, listing_id)
    if LISTING.authorize_view(context.principal, shared.view) is not Role.PUBLIC:
        return None
    tag = shared.response.tag
    if tag is not None and is_current(context.request, tag):
        return not_modified(tag, caching=PUBLIC_CACHING)
    return shared.response


def get_shared_listing(context: Context[Any, Any], listing_id: ListingId) -> SharedListing:
    """Return the copy of a listing, which one request reads for all of this process.

    Shape: reads 1 item at most each ``COPY_SECONDS``.

    Raises:
        ListingNotFound: There is no such listing.
    """
    copies = get_hot_listings().copies
    found: SharedListing | None = copies.get((context.tenant.id, listing_id), lambda: _read(context, listing_id))
    if found is None:
        raise ListingNotFound
    return found


def _read(context: Context[Any, Any], listing_id: ListingId) -> SharedListing | None:
    view = find_public_fields(reader=context.reader, listing_id=listing_id)
    if view is None:
        return None
    body = listing_json(view, media_base_url=context.media_base_url)
    return SharedListing(view, Representation(body=body, id=view.id, tag=listing_tag(view), caching=PUBLIC_CACHING))
