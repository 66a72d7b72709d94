"""Order attempts of a hot listing: refused from its copy once it is sold, else let in by the waiting line."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from django.conf import settings

from apps.core.hot_listings.line import ATTEMPTS_AT_ONCE
from apps.core.hot_listings.process import get_hot_listings
from apps.core.hot_listings.refusals import WaitingLine
from apps.core.hot_listings.tickets import Tickets
from apps.storefront.context import Context
from apps.storefront.hot_views import get_shared_listing
from resale.domain.access import Action, Role, permits
from resale.domain.entities import LISTING
from resale.domain.ids import ListingId
from resale.domain.listings import ListingNotForSale

_TICKET: Final = "HTTP_WAITING_LINE_TICKET"


@contextmanager
def take_turn(context: Context[Any, Any], listing_id: ListingId) -> Iterator[None]:
    """Let an attempt to order a listing run now; if the listing is hot, in its turn.

    Raises:
        ListingNotFound, ListingNotForSale: As of at most a second ago; only of a hot listing.
        WaitingLine: It is not the buyer's turn.
        WaitingTicketInvalid: The request has a ticket, and it is not this buyer's for this listing.
    """
    hot, tenant, shopper = get_hot_listings(), context.tenant, context.shopper
    scope = (tenant.id, listing_id, shopper.issuer, shopper.subject)
    tickets = _tickets(settings.RESALE.cursor_secret)
    now_ms, ticket = tickets.now_ms(), context.request.META.get(_TICKET)
    arrived_ms = None if ticket is None else tickets.read_arrival(ticket, scope)
    is_hot = hot.count_attempt(tenant, listing_id)
    if is_hot:
        _check_buyable(context, listing_id)
    key, buyer = (tenant.id, listing_id), f"{shopper.issuer} {shopper.subject}"
    turn = hot.line.enter(key, buyer, arrived_ms=arrived_ms or now_ms, now_ms=now_ms, is_hot=is_hot)
    if turn.position:
        hot.count_event(tenant, "waiting")
        raise WaitingLine(
            ticket=tickets.issue(scope, arrived_ms=turn.arrived_ms),
            position=turn.position,
            retry_after_seconds=turn.retry_after_seconds,
            at_once=ATTEMPTS_AT_ONCE,
        )
    try:
        yield
    except ListingNotForSale:  # sold by another process: the next one reads it, and all others its copy
        hot.copies.invalidate(key)
        raise
    finally:
        hot.line.leave(key, buyer)


def _check_buyable(context: Context[Any, Any], listing_id: ListingId) -> None:
    """Refuse an attempt to order a hot listing that is not for sale, without a read of its own.

    Raises:
        ListingNotFound: None that the buyer can see.
        ListingNotForSale: Reserved, sold or not active.
    """
    view = get_shared_listing(context, listing_id).view
    if permits(Action.BUY_LISTING, Role.PUBLIC, view.status):
        return
    if not permits(Action.VIEW_LISTING, Role.PUBLIC, view.status):
        LISTING.authorize_view(context.principal, view)
        return  # the seller's own: the operation has the reason
    get_hot_listings().count_event(context.tenant, "not_for_sale")
    raise ListingNotForSale(f"The listing has the status {view.status}.")


@lru_cache(maxsize=1)
def _tickets(secret: bytes) -> Tickets:
    return Tickets(secret)
