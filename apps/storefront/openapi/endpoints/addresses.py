"""The endpoint of address forms."""

from typing import Final

from apps.storefront.address_formats import CountryName
from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from resale.application.queries.address_formats import CountryNotFound
from resale.domain.address_formats import AddressFormat

ADDRESS_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/address_formats/{country}",
        id="getAddressFormat",
        tag="Orders",
        summary="The address form of a country",
        details=(
            "Its fields in the order they are filled in, what they are called there, which are required, the pattern "
            "of the postal code, and the states or provinces to choose from. `lines` is the order on a parcel. "
            "It is what `shipping_address` and `ship_from` are checked by. Needs no key; caches may keep it for a day."
        ),
        access=Access.ANYBODY,
        names=CountryName,
        answers=(AddressFormat,),
        tagged=True,
        problems=codes_of(CountryNotFound),
    ),
)
