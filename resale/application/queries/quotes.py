"""Quotes: the price of a listing for a destination, with shipping and tax, before an order is made."""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.application.ports import Reader
from resale.domain.access import Principal
from resale.domain.entities import LISTING
from resale.domain.ids import CustomerId, ListingId
from resale.domain.listings import ListingNotFound, ListingStatus
from resale.domain.money import Money
from resale.domain.parcel_sizes import Parcel
from resale.domain.quotes import OrderQuote, price_listing
from resale.domain.shipping_data import shipping_data


class _Priced(msgspec.Struct):
    id: ListingId
    version: int
    status: ListingStatus
    seller_id: CustomerId
    market: str
    price: Money
    product: str
    parcel: Parcel | UnsetType = UNSET
    ships_from: str | UnsetType = UNSET
    hs_code: str | UnsetType = UNSET
    origin_country: str | UnsetType = UNSET


_DECODER: Final = msgspec.json.Decoder(_Priced)


def get_quote(*, reader: Reader, principal: Principal, listing_id: ListingId, country: str | None) -> OrderQuote:
    """Return the price of a listing; it is reserved for nobody.

    Shape: reads 1 item.

    Args:
        reader: On the caller's tenant.
        principal: Who looks.
        listing_id: Which.
        country: Of the shipping address; None: the listing's market.

    Raises:
        ListingNotFound: None that the caller may see.
        DestinationNotServed: The shop does not ship it to this country.
        PriceRefused: The total is no amount that the payment provider charges.
    """
    document = reader.find(LISTING, listing_id)
    if document is None:
        raise ListingNotFound
    listing = _DECODER.decode(document.doc)
    LISTING.authorize_view(principal, listing)
    tenant = reader.tenant
    weight_grams = shipping_data(listing, tenant.policies).parcel.weight_grams
    return price_listing(listing, tenant=tenant, country=country or listing.market, weight_grams=weight_grams)
