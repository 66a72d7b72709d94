"""Postal addresses, validated and formatted by the rules of their country. Personal: stored in ``private`` only."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec

from resale.domain.address_formats import AddressField, CountryRules, is_latin, label_of, rules_of
from resale.domain.countries import COUNTRY_CODES, suggest_country
from resale.domain.text import code
from resale.domain.text import line as one_line
from resale.errors import FieldError, Invalid

_MAX_POSTAL_CODE: Final = 20

Line = Annotated[str, one_line(max_length=120)]
OptionalLine = Annotated[str, one_line(min_length=0, max_length=120)]


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A postal address.

    `GET /v1/address_formats/{country}` has the required fields and formats of a country. ``country`` is an
    ISO 3166-1 alpha-2 code in upper case. ``region`` is the code or the name of a state, province or similar.
    """

    name: Line
    line1: Line
    line2: OptionalLine = ""
    city: OptionalLine = ""
    region: OptionalLine = ""
    postal_code: Annotated[str, one_line(min_length=0, max_length=_MAX_POSTAL_CODE)] = ""
    country: Annotated[str, one_line(max_length=60), msgspec.Meta(extra_json_schema={"enum": sorted(COUNTRY_CODES)})]
    phone: Annotated[str, code(r"^\+[1-9][0-9]{6,14}\Z")] | None = None


_OPTIONS_NAMED: Final = 3
_MARK: Final = re.compile("%([A-Z])")
_POSTAL_CODE: Final = re.compile(r"[^%\s]*%Z")  # with what a country puts before it: 〒, LT-
_DASHES: Final = re.compile("[\u2010-\u2015\u2212\u30fc]")  # NFKC leaves them; Japanese keyboards write the last one
_EMPTY_EDGES: Final = " ,-\u2013"


def normalise_address(address: Address, *, at: str) -> Address:
    """Return the normalised address, with postal code and region in the format of its country.

    What a country has no use for is kept as it is: a carrier may still want it.

    Args:
        address: As the client sent it; one that was accepted before stays as it is.
        at: JSON pointer of the address in the body.

    Raises:
        Invalid: A field is missing or wrong: ``/country``, ``/city``, ``/region`` or ``/postal_code`` below ``at``.
    """
    if address.country not in COUNTRY_CODES:
        raise Invalid("The address is not valid.", errors=(_country_error(address.country, at),))
    rules = rules_of(address.country)
    kept = msgspec.structs.replace(
        address,
        postal_code=_normalise_postal_code(address.postal_code, rules),
        region=_normalise_region(address, rules),
    )
    errors = tuple(_errors(kept, rules, at))
    if errors:
        raise Invalid("The address is not valid.", errors=errors)
    return kept


def address_lines(address: Address) -> tuple[str, ...]:
    """Format an address as its country does, with the country last, in its own script."""
    country = address.country if address.country in COUNTRY_CODES else suggest_country(address.country)
    if country is None:  # of before countries were checked
        town = f"{address.postal_code} {address.city}".strip()
        lines = (address.name, address.line1, address.line2, town, address.region, address.country)
        return tuple(line for line in lines if line)
    rules = rules_of(country)
    template = rules.templates[1 if is_latin("".join(_texts(address))) else 0]
    return (*_lines(address, rules, template), rules.country_name)


# ---------------------------------------------------------------- checking
def _country_error(sent: str, at: str) -> FieldError:
    meant = suggest_country(sent)
    if meant is None:
        detail = "This is not an ISO 3166-1 alpha-2 code. Send one, such as GB, FR or US."
        return FieldError(f"{at}/country", "unknown_value", detail)
    code = "wrong_format" if sent.strip().upper() == meant else "unknown_value"
    return FieldError(f"{at}/country", code, f"Send the ISO 3166-1 alpha-2 code in upper case: {meant}.")


def _normalise_postal_code(sent: str, rules: CountryRules) -> str:
    """Return a postal code in the format of its country. It can become longer: U+FDFA is 18 characters."""
    written = sent.upper() if sent.isascii() else _DASHES.sub("-", _capitals(sent))
    return " ".join(written.split()).removeprefix(rules.postal_code_prefix)


def _capitals(text: str) -> str:
    """Return a text in capitals without compatibility characters. Idempotent."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())


def _normalise_region(address: Address, rules: CountryRules) -> str:
    sent = address.region
    if not sent.strip():
        # "Dubai" is what people write as a city, where a country's addresses have none.
        by_city = None if rules.has_city else rules.find_region(address.city)
        return rules.own_region or by_city or ""
    region = rules.find_region(sent)
    return sent if region is None or not is_latin(sent) else region


def _errors(address: Address, rules: CountryRules, at: str) -> Iterator[FieldError]:
    for name in (AddressField.CITY, AddressField.REGION, AddressField.POSTAL_CODE):
        text = getattr(address, name).strip()
        if not text and name in rules.required:
            yield FieldError(f"{at}/{name}", "required", _describe_requirement(address.country, rules, name))
        elif name == AddressField.REGION and text and name in rules.required and not _is_region(text, rules):
            yield FieldError(f"{at}/{name}", "unknown_value", _describe_requirement(address.country, rules, name))
        elif name == AddressField.POSTAL_CODE and len(text) > _MAX_POSTAL_CODE:
            yield FieldError(
                f"{at}/{name}",
                "too_long",
                f"At most {_MAX_POSTAL_CODE} characters are allowed, in the normalised form.",
            )
        elif name == AddressField.POSTAL_CODE and text and not _is_postal_code(text, rules):
            yield FieldError(f"{at}/{name}", "wrong_format", _describe_requirement(address.country, rules, name))


def _is_region(text: str, rules: CountryRules) -> bool:
    return not rules.regions or rules.find_region(text) is not None


def _is_postal_code(text: str, rules: CountryRules) -> bool:
    return rules.postal_code is None or rules.postal_code.fullmatch(text) is not None


def _describe_requirement(country: str, rules: CountryRules, name: AddressField) -> str:
    label = label_of(rules, name)
    if name == AddressField.POSTAL_CODE and rules.postal_code_examples:
        example = rules.postal_code_examples[0]
        if name in rules.required:
            return f"{label}: send it in the format of {country}, such as {example}."
        return f"{label}: leave it out, or send it in the format of {country}, such as {example}."
    if name == AddressField.REGION and rules.region_options:
        some = ", ".join(option.value for option in rules.region_options[:_OPTIONS_NAMED])
        return f"{label}: send one of {some} …; GET /v1/address_formats/{country} lists all."
    return f"{label}: required for an address in {country}."


# ---------------------------------------------------------------- writing
def _texts(address: Address) -> tuple[str, ...]:
    return (address.name, address.line1, address.line2, address.city, address.region)


def _lines(address: Address, rules: CountryRules, template: str) -> Iterator[str]:
    values = {
        "N": address.name,
        "C": _apply_case(address.city, AddressField.CITY, rules),
        "S": _apply_case(address.region, AddressField.REGION, rules),
        "Z": address.postal_code,
    }
    for part in template.split("%n"):
        if "%A" in part:
            yield from (line for line in (address.line1, address.line2) if line)
            yield from _iter_left_over(address, template)
        written = part.replace("%A", "")
        if not address.postal_code:
            written = _POSTAL_CODE.sub("", written)
        line = _MARK.sub(lambda found: values.get(found[1], ""), written)
        if line := " ".join(line.split()).strip(_EMPTY_EDGES):
            yield line


def _apply_case(text: str, name: AddressField, rules: CountryRules) -> str:
    return text.upper() if name in rules.upper else text


def _iter_left_over(address: Address, template: str) -> Iterator[str]:
    """Write what was given and the country has no place for, unless it stands there anyway (SINGAPORE, Dubai)."""
    known = f"{template} {address.region}".casefold()
    fields = (("%Z", address.postal_code), ("%C", address.city))
    line = " ".join(text for mark, text in fields if text and mark not in template and text.casefold() not in known)
    if "%S" not in template and address.region:
        line = f"{line} {address.region}".strip()
    if line:
        yield line
