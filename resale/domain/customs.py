"""Customs: which parcels cross a customs border, and what is declared of them.

Sources, read in November 2026: Regulation (EU) 952/2013, article 4 (customs territory of the Union), and Council
Directive 2006/112/EC, article 6 (territories inside it for which papers are needed all the same); USPS Domestic Mail
Manual 608.2.4 (U.S. destinations that need a customs form); gov.uk, "Sending parcels between Great Britain and Northern
Ireland"; 15 CFR 30.36 and 30.37(a) (exports that need no filing); docs.easypost.com/docs/customs-infos.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.addresses import Address
from resale.domain.countries import COUNTRY_CODES
from resale.domain.money import Money
from resale.domain.text import code
from resale.errors import FieldError, Invalid, Rejected

#: A code of the Harmonized System: six digits everywhere, up to four more by country.
HSCode = Annotated[str, code(r"^[0-9]{6,10}\Z", description="Harmonized System code, 6 to 10 digits.")]
CountryCode = Annotated[str, code(r"^[A-Z]{2}\Z", description="ISO 3166-1 alpha-2, as of an address.")]

#: Members of the customs union without a border; Monaco is French and the Isle of Man British in this.
EU: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE SI SK".split()  # noqa: SIM905 - a table
)
_UNIONS: Final[Mapping[str, str]] = {**dict.fromkeys(EU, "EU"), "IM": "GB", "LI": "CH"}
#: Places of a country beyond its border, by the beginning of their postal code → their own area.
_EXCEPTIONS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "DE": (("27498", "DE-Heligoland"), ("78266", "CH")),  # Büsingen is in the Swiss customs territory
    "ES": (("35", "IC"), ("38", "IC"), ("51", "ES-Ceuta"), ("52", "ES-Melilla")),
    "FI": (("22", "AX"),),
    "GR": (("63086", "GR-Athos"), ("630 86", "GR-Athos")),
    "IT": (("23041", "IT-Livigno"),),
    "FR": (("971", "GP"), ("972", "MQ"), ("973", "GF"), ("974", "RE"), ("976", "YT")),
    # Puerto Rico (006, 007, 009) needs no form; the Virgin Islands, Guam, Samoa, the Marianas and military mail do.
    "US": (
        ("008", "VI"), ("969", "GU"), ("96799", "AS"), ("340", "US-military"), ("090", "US-military"),
        *((f"09{digit}", "US-military") for digit in range(1, 10)),
        *((f"96{digit}", "US-military") for digit in range(2, 7)),
    ),
}  # fmt: skip
_SAME_AS: Final[Mapping[str, str]] = {"PR": "US"}
_NORTHERN_IRELAND: Final = "BT"
#: Above it an export from the United States is filed first (AES), by no software of ours: 15 CFR 30.37(a).
_UNFILED_USD_MINOR: Final = 2_500_00
_TO_CANADA: Final = "CA"  # 15 CFR 30.36 has no limit for it


class Contents(StrEnum):
    """The reason of a shipment, as customs distinguish it."""

    MERCHANDISE = "merchandise"
    RETURNED_GOODS = "returned_goods"


class CustomsDeclaration(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared of a parcel that crosses a customs border: one item, with its price."""

    description: str
    hs_code: str
    origin_country: str
    value: Money
    contents: Contents = Contents.MERCHANDISE


class CustomsDataMissing(Rejected):
    """The parcel crosses a customs border, and nobody gave the item's customs data."""

    code = "customs_data_missing"
    title = "Customs data missing"
    default_detail = (
        "The parcel would cross a customs border, and this listing has no `hs_code` or `origin_country`. Choose an "
        "address on the seller's side of the border."
    )


class ExportFilingRequired(Rejected):
    """The export is worth so much that the sender must file it first."""

    code = "export_filing_required"
    title = "Export must be filed"
    default_detail = (
        "Exports from the United States worth more than 2500.00 USD must be filed with customs first, which this shop "
        "does not do. Choose an address in the United States."
    )


def check_countries(*, ships_from: str | UnsetType, origin_country: str | UnsetType) -> None:
    """Verify the countries of a listing. Raises Invalid, with the field's name as its pointer."""
    detail = "This is not an ISO 3166-1 alpha-2 code. Send one, such as GB, FR or US."
    named = (("ships_from", ships_from), ("origin_country", origin_country))
    wrong = (name for name, country in named if country is not UNSET and country not in COUNTRY_CODES)
    errors = tuple(FieldError(f"/{name}", "unknown_value", detail) for name in wrong)
    if errors:
        raise Invalid(detail, errors=errors)


def crosses_border(sender: Address, recipient: Address) -> bool:
    """Return whether a parcel between two addresses needs a customs declaration."""
    return _areas(sender.country, sender.postal_code).isdisjoint(_areas(recipient.country, recipient.postal_code))


def leaves_area(country: str, recipient: Address) -> bool:
    """Return whether a parcel from somewhere in a country needs a customs declaration."""
    return _areas(country, "").isdisjoint(_areas(recipient.country, recipient.postal_code))


def needs_filing(*, country: str, recipient: Address, value: Money) -> bool:
    """Return whether an export must be filed before it leaves. Another currency than USD is not compared."""
    is_exempt = country != "US" or recipient.country == _TO_CANADA
    return not is_exempt and value.currency == "USD" and value.amount > _UNFILED_USD_MINOR


def _areas(country: str, postal_code: str) -> frozenset[str]:
    """Return the customs areas of a place. Northern Ireland has no border to either of its two."""
    if country == "GB" and postal_code.startswith(_NORTHERN_IRELAND):
        return frozenset({"GB", "EU"})
    fitting = [area for start, area in _EXCEPTIONS.get(country, ()) if postal_code.startswith(start)]
    area = fitting[-1] if fitting else country
    return frozenset({_UNIONS.get(area, _SAME_AS.get(area, area))})
