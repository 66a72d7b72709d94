"""Quotes of orders: what a listing costs with shipping and tax."""

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.parameters import QuoteQuery, none_if_unset
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.queries.quotes import get_quote
from resale.domain.ids import ListingId
from resale.domain.listings import ListingNotFound, PriceRefused
from resale.domain.quotes import OrderQuote
from resale.domain.shipping_profiles import DestinationNotServed


@Endpoint(
    method="get",
    path="/v1/listings/{listing_id}/quote",
    id="getOrderQuote",
    tag="Orders",
    summary="Retrieve the price of a listing with shipping and tax",
    details=(
        "The price of now for a shipping address in `country`. Nothing is reserved. Show it to the buyer, and send "
        "`amounts.grand_total` with its currency as `expected_total` and `listing_version` when the order is "
        "submitted: the order is accepted at this price or refused."
    ),
    access=Access.KEY,
    scope=Scope.LISTINGS_READ,
    query=QuoteQuery,
    responses=(OrderQuote,),
    problems=(ListingNotFound, DestinationNotServed, PriceRefused),
)
def get(context: Context[QuoteQuery, None], listing_id: ListingId) -> OrderQuote:
    """Return the price of a listing."""
    return get_quote(
        reader=context.reader,
        principal=context.principal,
        listing_id=listing_id,
        country=none_if_unset(context.query.country),
    )
