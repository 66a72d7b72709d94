"""The address format of a country, equal for every caller."""

from resale.domain.address_formats import AddressFormat, format_of
from resale.domain.countries import COUNTRY_CODES, suggest_country
from resale.errors import NotFound


class CountryNotFound(NotFound):
    """No country has the given ISO 3166-1 alpha-2 code."""

    code = "country_not_found"
    title = "Country not found"
    default_detail = "No country has this code. Send an ISO 3166-1 alpha-2 code, such as GB."


def get_address_format(*, country: str) -> AddressFormat:
    """Return the address format of a country.

    Shape: reads nothing of a tenant.

    Raises:
        CountryNotFound: It is no ISO 3166-1 alpha-2 code in upper case.
    """
    if country not in COUNTRY_CODES:
        meant = suggest_country(country)
        raise CountryNotFound(f"Send {meant}." if meant else "Send an ISO 3166-1 alpha-2 code, such as GB.")
    return format_of(country)
