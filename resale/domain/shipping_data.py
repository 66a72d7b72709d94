"""What carriers and customs need to know of an item: resolved from its listing and its shop, frozen at the sale."""

from typing import Protocol

import msgspec
from msgspec import UnsetType

from resale.domain.addresses import Address
from resale.domain.customs import (
    Contents,
    CustomsDataMissing,
    CustomsDeclaration,
    ExportFilingRequired,
    crosses_border,
    leaves_area,
    needs_filing,
)
from resale.domain.money import Money
from resale.domain.parcel_sizes import Parcel, check_parcel, types_of
from resale.domain.policies import Policies


class ShippedListing(Protocol):
    """The facts of a listing that its parcel depends on."""

    @property
    def product(self) -> str:
        """The brand's reference of the product."""

    @property
    def market(self) -> str:
        """The market, from whose country it ships unless it says otherwise."""

    @property
    def parcel(self) -> Parcel | UnsetType:
        """Its own parcel."""

    @property
    def ships_from(self) -> str | UnsetType:
        """The country that it ships from."""

    @property
    def hs_code(self) -> str | UnsetType:
        """Its own HS code."""

    @property
    def origin_country(self) -> str | UnsetType:
        """Its own country of origin."""


class ShippingData(msgspec.Struct, frozen=True, kw_only=True):
    """The parcel of an item, the country it leaves from, and its customs data."""

    parcel: Parcel
    country: str
    hs_code: str | None = None
    origin_country: str | None = None


def shipping_data_of(
    product: str,
    *,
    policies: Policies,
    country: str,
    parcel: Parcel | None = None,
    hs_code: str | None = None,
    origin_country: str | None = None,
) -> ShippingData:
    """Return what is known of an item: what its listing says, else its product type, else the shop.

    Args:
        product: The brand's reference of the product.
        policies: The shop's, with its product types.
        country: Where the parcel leaves from.
        parcel: The listing's own; None if it says nothing.
        hs_code: The same.
        origin_country: The same.
    """
    types = types_of(product, policies.product_types)
    parcels = (parcel, *(one.parcel for one in types))
    codes = (hs_code, *(one.hs_code for one in types))
    origins = (origin_country, *(one.origin_country for one in types))
    return ShippingData(
        parcel=next((one for one in parcels if one is not None), default_parcel(policies)),
        country=country,
        hs_code=next((one for one in codes if one is not None), None),
        origin_country=next((one for one in origins if one is not None), None),
    )


def check_listed_parcel(listing: ShippedListing, policies: Policies) -> None:
    """Verify the parcel of a listing against the shop's limits, which may have changed since. Raises ParcelRefused."""
    check_parcel(
        shipping_data(listing, policies).parcel,
        max_weight_grams=policies.max_parcel_weight_grams,
        max_length_and_girth_mm=policies.max_parcel_length_and_girth_mm,
    )


def shipping_data(listing: ShippedListing, policies: Policies) -> ShippingData:
    """Return what carriers and customs need to know of a listed item."""
    return shipping_data_of(
        listing.product,
        policies=policies,
        country=listing.ships_from or listing.market,
        parcel=listing.parcel or None,
        hs_code=listing.hs_code or None,
        origin_country=listing.origin_country or None,
    )


def default_parcel(policies: Policies) -> Parcel:
    """Return the parcel of an item of which nothing else is known."""
    return Parcel(
        weight_grams=policies.parcel_weight_grams,
        length_mm=policies.parcel_length_mm,
        width_mm=policies.parcel_width_mm,
        height_mm=policies.parcel_height_mm,
    )


def check_destination(data: ShippingData, *, recipient: Address, value: Money) -> None:
    """Verify that an item can be sent to an address, before anything is paid for it.

    Raises:
        CustomsDataMissing: It would cross a customs border, and there is nothing to declare.
        ExportFilingRequired: It is an export that must be filed first.
    """
    if leaves_area(data.country, recipient):
        _declare(data, sender_country=data.country, recipient=recipient, value=value, contents=Contents.MERCHANDISE)


def declaration_of(
    data: ShippingData, *, title: str, sender: Address, recipient: Address, value: Money, contents: Contents
) -> CustomsDeclaration | None:
    """Return what is declared of a parcel; None if it crosses no customs border.

    Raises:
        CustomsDataMissing: There is nothing to declare.
        ExportFilingRequired: It is an export that must be filed first.
    """
    if not crosses_border(sender, recipient):
        return None
    hs_code, origin = _declare(data, sender_country=sender.country, recipient=recipient, value=value, contents=contents)
    return CustomsDeclaration(description=title, hs_code=hs_code, origin_country=origin, value=value, contents=contents)


def _declare(
    data: ShippingData, *, sender_country: str, recipient: Address, value: Money, contents: Contents
) -> tuple[str, str]:
    if data.hs_code is None or data.origin_country is None:
        raise CustomsDataMissing
    is_sale = contents == Contents.MERCHANDISE
    if is_sale and needs_filing(country=sender_country, recipient=recipient, value=value):
        raise ExportFilingRequired
    return data.hs_code, data.origin_country
