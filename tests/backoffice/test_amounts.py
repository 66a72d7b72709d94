"""Amounts as people write them, exactly; and as they are shown, add_member below nought."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.backoffice.amounts import AmountField, parse_amount, write_amount
from resale.domain.money import MAX_AMOUNT_MINOR


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "currency", "minor"),
        [
            ("12.50", "GBP", 1_250),
            ("12.5", "GBP", 1_250),
            ("12", "GBP", 1_200),
            ("0.01", "GBP", 1),
            ("0.29", "GBP", 29),
            ("1.15", "GBP", 115),
            ("007", "GBP", 700),
            ("1250", "JPY", 1_250),
            ("1.5", "KWD", 1_500),
            ("1.234", "KWD", 1_234),
            ("1000000000", "GBP", MAX_AMOUNT_MINOR),
        ],
    )
    def test_is_exact(self, text: str, currency: str, minor: int) -> None:
        assert parse_amount(text, currency) == minor

    @pytest.mark.parametrize(
        ("text", "currency"),
        [
            *((text, "GBP") for text in ("12,50", "1,250.00", "1.250,00", "12.505", "12.", ".50", "-5", "+5", "£5")),
            *((text, "GBP") for text in ("1e3", "0x10", "1_000", "12.5 0", "NaN", "Infinity", "\u0661\u0662", "5\n")),
            ("12.5", "JPY"),
            ("1.2345", "KWD"),
            ("1234567890123", "GBP"),
        ],
    )
    def test_guesses_at_nothing(self, text: str, currency: str) -> None:
        with pytest.raises(ValueError, match="Enter an amount such as"):
            parse_amount(text, currency)

    @pytest.mark.parametrize("text", ["0", "0.00", "1000000000.01", "999999999999"])
    def test_is_bounded(self, text: str) -> None:
        with pytest.raises(ValueError, match="zero, or larger"):
            parse_amount(text, "GBP")

    @given(st.integers(1, MAX_AMOUNT_MINOR), st.sampled_from(["GBP", "JPY", "KWD", "CHF"]))
    def test_reads_what_is_written(self, minor: int, currency: str) -> None:
        written = write_amount(minor, currency)
        typed = "".join(letter for letter in written if letter in "0123456789.")
        assert parse_amount(typed, currency) == minor


class TestField:
    @pytest.mark.parametrize("text", ["", "   ", None])
    def test_may_be_left_out_where_nothing_is_needed(self, text: str | None) -> None:
        assert AmountField(currency="GBP", required=False).clean(text) is None

    def test_takes_white_space_around(self) -> None:
        assert AmountField(currency="GBP").clean(" 12.50 ") == 1_250


class TestWriting:
    @pytest.mark.parametrize(
        ("minor", "currency", "written"),
        [
            (123_456, "GBP", "£1,234.56"),
            (-1_250, "GBP", "\u2212£12.50"),
            (-5, "CHF", "\u22120.05 CHF"),
            (0, "GBP", "£0.00"),
            (1_234, "JPY", "¥1,234"),
        ],
    )
    def test_says_sign_currency_and_thousands(self, minor: int, currency: str, written: str) -> None:
        assert write_amount(minor, currency) == written
