"""Amounts: digits after the point, by currency."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resale.domain.money import MAX_AMOUNT_MINOR, minor_digits, share, to_minor


class TestShare:
    @given(amount=st.integers(-MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR), rate=st.integers(0, 20_000))
    @example(amount=5, rate=1_000)
    @example(amount=15, rate=1_000)
    @example(amount=-5, rate=1_000)
    def test_is_exact_and_rounded_half_to_even(self, amount: int, rate: int) -> None:
        assert share(amount, rate) == round(Fraction(amount * rate, 10_000))


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
