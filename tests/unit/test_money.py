"""Amounts: digits after the point, by currency."""

from decimal import Decimal

import pytest

from resale.domain.money import minor_digits, to_minor


class TestDigits:
    @pytest.mark.parametrize(("currency", "digits"), [("GBP", 2), ("JPY", 0), ("KWD", 3), ("ZZZ", 2)])
    def test_most_currencies_have_two(self, currency: str, digits: int) -> None:
        assert minor_digits(currency) == digits

    @pytest.mark.parametrize(
        ("amount", "currency", "minor"),
        [
            ("6.07", "USD", 607),
            ("34.15", "GBP", 3415),
            ("0.00000", "USD", 0),
            ("1200", "JPY", 1200),
            ("1.2345", "KWD", 1234),
            ("0.005", "USD", 0),
            ("0.015", "USD", 2),
        ],
    )
    def test_an_amount_is_exact_and_what_is_smaller_is_rounded_to_even(
        self, amount: str, currency: str, minor: int
    ) -> None:
        assert to_minor(Decimal(amount), currency) == minor
