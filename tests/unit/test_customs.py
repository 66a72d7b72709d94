"""Which parcels cross a customs border, by the places they go between."""

import pytest

from resale.domain.addresses import Address
from resale.domain.customs import check_countries, crosses_border, leaves_area, needs_filing
from resale.domain.money import Money
from resale.errors import Invalid


def an_address(place: str) -> Address:
    country, _, postal_code = place.partition(" ")
    return Address(name="Robin Okafor", line1="1 Test Street", city="Leeds", postal_code=postal_code, country=country)


FREE = (
    ("GB LS1 1AA", "GB YO1 1AA"), ("DE 10115", "FR 75001"), ("FR 75001", "MC 98000"), ("US 94107", "US 10001"),
    ("GB LS1 1AA", "IM IM1 1AA"), ("CH 8001", "LI 9490"), ("CH 8001", "DE 78266"), ("US 94107", "PR 00901"),
    ("US 94107", "US 00901"), ("GB LS1 1AA", "GB BT1 1AA"), ("GB BT1 1AA", "IE D01 F5P2"), ("DE 10115", "GB BT1 1AA"),
    ("ES 28001", "PT 1000-001"),
)  # fmt: skip
CROSSING = (
    ("GB LS1 1AA", "IE D01 F5P2"), ("GB LS1 1AA", "GG GY1 1AA"), ("DE 10115", "CH 8001"), ("US 94107", "CA K1A 0B1"),
    ("US 94107", "GB LS1 1AA"), ("DE 10115", "NO 0150"), ("ES 28001", "ES 35001"), ("ES 28001", "ES 51001"),
    ("DE 10115", "DE 27498"), ("IT 00118", "IT 23041"), ("FR 75001", "RE 97400"), ("FR 75001", "FR 97400"),
    ("FI 00100", "AX 22100"), ("FI 00100", "FI 22100"), ("US 94107", "US 96910"), ("US 94107", "US 09012"),
    ("US 94107", "US 96201"), ("US 94107", "VI 00802"), ("US 94107", "US 00802"), ("GB BT1 1AA", "NO 0150"),
    ("DE 10115", "GB LS1 1AA"), ("FR 75001", "NC 98800"), ("DK 1050", "GL 3900"),
)  # fmt: skip


class TestCrossesBorder:
    @pytest.mark.parametrize(("sender", "recipient"), FREE, ids=" to ".join)
    def test_is_false_within_one_customs_area(self, sender: str, recipient: str) -> None:
        assert not crosses_border(an_address(sender), an_address(recipient))
        assert not crosses_border(an_address(recipient), an_address(sender))

    @pytest.mark.parametrize(("sender", "recipient"), CROSSING, ids=" to ".join)
    def test_is_true_between_two(self, sender: str, recipient: str) -> None:
        assert crosses_border(an_address(sender), an_address(recipient))
        assert crosses_border(an_address(recipient), an_address(sender))


class TestLeavesArea:
    def test_knows_the_sender_by_the_country_only(self) -> None:
        assert not leaves_area("GB", an_address("GB BT1 1AA"))
        assert leaves_area("GB", an_address("IE D01 F5P2"))
        assert leaves_area("ES", an_address("ES 38001"))


class TestNeedsFiling:
    @pytest.mark.parametrize(
        ("country", "recipient", "amount", "currency", "expected"),
        [
            ("US", "GB LS1 1AA", 250_000, "USD", False),
            ("US", "GB LS1 1AA", 250_001, "USD", True),
            ("US", "CA K1A 0B1", 900_000, "USD", False),
            ("GB", "US 94107", 900_000, "USD", False),
            ("US", "GB LS1 1AA", 900_000, "JPY", False),
        ],
    )
    def test_is_for_valuable_exports_of_the_united_states(
        self, country: str, recipient: str, amount: int, currency: str, *, expected: bool
    ) -> None:
        value = Money(amount=amount, currency=currency)
        assert needs_filing(country=country, recipient=an_address(recipient), value=value) == expected


class TestCheckCountries:
    def test_names_the_field_of_a_code_that_is_none(self) -> None:
        check_countries(ships_from="GB", origin_country="PT")
        with pytest.raises(Invalid) as raised:
            check_countries(ships_from="ZZ", origin_country="PT")
        assert [error.pointer for error in raised.value.errors] == ["/ships_from"]
