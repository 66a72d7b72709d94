"""Card numbers are found however they are written, and what a shop is full of is none."""

import hashlib
import json
from itertools import accumulate

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resale.domain.cards import CardNumberRefused, holds_card_number, refuse_card_numbers

#: Numbers that schemes and providers publish for tests.
PUBLISHED = {
    "visa": "4111111111111111 4012888888881881 4242424242424242",
    "visa of 19": "4000000000000000006",
    "mastercard": "5555555555554444 5105105105105100",
    "mastercard's 2-series": "2223003122003222 2720990000000007",
    "american express": "378282246310005 371449635398431",
    "discover": "6011111111111117 6011000990139424",
    "diners club": "30569309025904 38520000023237 36227206271667 3056930009020004",
    "jcb": "3530111333300000 3566002020360505",
    "unionpay": "6200000000000005 6205500000000000004 8171999927660000",
    "maestro": "6759649826438453 6304000000000000 6799990100000000019 501800000009 5641821111166669",
}
EMBOSSED = {
    14: (4, 6, 4),
    15: (4, 6, 5),
    16: (4, 4, 4, 4),
    17: (4, 4, 4, 4, 1),
    18: (4, 4, 4, 4, 2),
    19: (4, 4, 4, 4, 3),
}
ISSUED = [
    *(("4", length) for length in (16, 18, 19)),
    *((prefix, 16) for prefix in ("51", "53", "55", "2221", "2300", "2720")),
    *((prefix, 15) for prefix in ("34", "37")),
    *(
        (prefix, length)
        for prefix in ("6011", "644", "649", "65", "3528", "3589", "62", "810", "817")
        for length in (16, 17, 19)
    ),
    *((prefix, length) for prefix in ("300", "305", "3095", "36", "38", "39") for length in (14, 16, 19)),
    *((prefix, length) for prefix in ("5018", "5893", "6304", "6759", "6763") for length in range(12, 20)),
]
DIGITS = "0123456789"
BEFORE = ["", " ", '"', "card: ", "(", "é", "「", "\n", "\t", "\\", "Nr.", "=", "*", "12/27, ", "CVC 123, "]
AFTER = ["", " ", '"', ")", "é", "」", "\n", "\t", "\\", ".", "&", "/", ", 12/27", " (CVC 123)"]


def luhn_digit(payload: str) -> str:
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(payload))]
    return str(-sum(value - 9 * (value > 9) for value in doubled) % 10)


def trade_digit(payload: str) -> str:
    return str(-sum(int(digit) * (3 - 2 * (place % 2)) for place, digit in enumerate(reversed(payload))) % 10)


def in_groups(digits: str, sizes: tuple[int, ...], separator: str) -> str:
    ends = list(accumulate(sizes))
    return separator.join(digits[end - size : end] for size, end in zip(sizes, ends, strict=True))


def found(text: str, *, ascii_only: bool = True) -> bool:
    return holds_card_number(json.dumps({"description": text}, ensure_ascii=ascii_only).encode())


@st.composite
def cards(draw: st.DrawFn) -> str:
    prefix, length = draw(st.sampled_from(ISSUED))
    rest = length - len(prefix) - 1
    payload = prefix + draw(st.text(DIGITS, min_size=rest, max_size=rest))
    assume(length not in {12, 13, 14, 18} or luhn_digit(payload) != trade_digit(payload))
    return payload + luhn_digit(payload)


@st.composite
def written_cards(draw: st.DrawFn) -> str:
    """In one piece, as embossed, digit by digit, or with spaces and dashes anywhere."""
    card = draw(cards())
    separators = st.sampled_from([" ", "-", " - ", "  ", "\u00a0", "\u2013", "\u2011", "\u200b"])
    way = draw(st.sampled_from(["plain", "embossed", "apart", "anyhow"]))
    if way == "embossed" and len(card) in EMBOSSED:
        return in_groups(card, EMBOSSED[len(card)], draw(separators))
    if way == "apart":
        return draw(separators).join(card)
    if way == "anyhow":
        cuts = sorted(draw(st.sets(st.integers(1, len(card) - 1), min_size=1, max_size=4)))
        sizes = tuple(end - start for start, end in zip([0, *cuts], [*cuts, len(card)], strict=True))
        assume(set(sizes[:-1]) not in ({2}, {3}))
        assume((3, 7, 7) not in {sizes[at : at + 3] for at in range(len(sizes))})  # a marketplace's order number
        return in_groups(card, sizes, draw(separators))
    return card


class TestCards:
    @pytest.mark.parametrize("scheme", PUBLISHED)
    def test_finds_those_that_are_published_for_tests(self, scheme: str) -> None:
        for card in PUBLISHED[scheme].split():
            assert holds_card_number(b'{"card": "%s"}' % card.encode()), card
            assert holds_card_number(b'{"card": %s}' % card.encode()), card
            assert holds_card_number(b"card=%s&x=1" % card.encode()), card

    @given(written_cards(), st.sampled_from(BEFORE), st.sampled_from(AFTER), st.booleans())
    def test_finds_any_however_it_is_written(self, card: str, before: str, after: str, ascii_only: bool) -> None:  # noqa: FBT001 - hypothesis gives it
        assert found(f"{before}{card}{after}", ascii_only=ascii_only)

    @given(cards(), st.data())
    def test_finds_one_behind_escapes(self, card: str, data: st.DataObject) -> None:
        digits = set(data.draw(st.sets(st.integers(0, len(card) - 1), min_size=1)))
        hidden = "".join(f"\\u{ord(one):04x}" if place in digits else one for place, one in enumerate(card))
        assert holds_card_number(f'{{"title": "{hidden}"}}'.encode())
        assert holds_card_number(f'{{"title": "x\\n{hidden}\\r"}}'.encode())

    @pytest.mark.parametrize(
        "mark", ["\\/", "\\u002f", "\\u002F", "/", "\\n", "\\r\\n", "\\r", "\\u000a", "\\t", "\\u0020", " \\n"]
    )
    def test_finds_one_whose_marks_are_escaped(self, mark: str) -> None:
        for groups in (
            ["4111", "1111", "1111", "1111"],
            ["\\u0034111", "1111", "1111", "111\\u0031"],
            ["3782", "822463", "10005"],
        ):
            assert holds_card_number(f'{{"title": "{mark.join(groups)}"}}'.encode())
            assert holds_card_number(f'{{"title": "Pay:\\n{mark.join(groups)}\\n12\\/27\\n123"}}'.encode())

    @given(
        cards(),
        st.sampled_from(["\n", "\r\n", "\r", "\u2028", "\n- "]),
        st.sampled_from(BEFORE),
        st.sampled_from(AFTER),
    )
    def test_finds_one_over_several_lines(self, card: str, end: str, before: str, after: str) -> None:
        assume(len(card) in EMBOSSED)
        text = f"{before}{in_groups(card, EMBOSSED[len(card)], end)}{after}"
        assert found(text)
        assert found(text, ascii_only=False)
        assert holds_card_number(text.encode())

    def test_finds_one_that_ends_on_the_next_line(self) -> None:
        assert found("4111 1111\n1111 1111")

    @given(cards())
    def test_finds_one_in_digits_of_another_script(self, card: str) -> None:
        for zero in ("\uff10", "\u0660", "\U0001d7ce"):  # full width, Arabic, mathematical bold
            foreign = card.translate({ord(digit): chr(ord(zero) + int(digit)) for digit in DIGITS})
            assert found(foreign)
            assert found(foreign, ascii_only=False)

    @pytest.mark.parametrize(
        "text",
        [
            "4111 1111 1111 1111 123",
            "4111-1111-1111-1111 12/27 123",
            "my card 1: 4111 1111 1111 1111",
            "12 4111 1111 1111 1111",
            "3782 822463 10005, 12/27",
            "4111111111111111 123",
            "カード4111111111111111です",
            "4111.1111.1111.1111",
            "4111/1111/1111/1111, 12/27",
            "4111_1111_1111_1111",
            "3782.822463.10005",
            "4111 · 1111 · 1111 · 1111",
            "4111•1111•1111•1111",
            "\uff14\uff11\uff11\uff11\uff0e\uff11\uff11\uff11\uff11\uff0e\uff11\uff11\uff11\uff11\uff0e\uff11\uff11\uff11\uff11",
            "4111\u202f1111\u202f1111\u202f1111",
            "4111\t1111\t1111\t1111",
            "4111111111111111.",
        ],
    )
    def test_finds_one_among_other_things(self, text: str) -> None:
        assert found(text)
        assert found(text, ascii_only=False)

    def test_refuses_without_saying_which(self) -> None:
        with pytest.raises(CardNumberRefused) as refused:
            refuse_card_numbers(b'{"title": "4111 1111 1111 1111"}', place="The body")
        assert "1111" not in f"{refused.value!r} {refused.value.detail} {refused.value.errors}"


class TestOthers:
    @given(st.uuids(), st.binary(), st.sampled_from(["lst", "ord", "cus", "shp", "req", "tok"]))
    def test_passes_ids_and_hashes(self, number: object, content: bytes, prefix: str) -> None:
        digest = hashlib.sha256(content).hexdigest()
        number_hex = str(number).replace("-", "")
        for text in (f"{prefix}_{number_hex}", str(number), digest, digest[:16], f"renditions/{digest}.webp"):
            assert not found(text), text

    @given(cards(), st.sampled_from("0aZ_9"), st.booleans())
    def test_passes_what_is_part_of_a_word(self, card: str, one: str, before: bool) -> None:  # noqa: FBT001 - hypothesis gives it
        text = one + card if before else card + one
        assume(not text.isdigit())
        assert not found(text)
        assert not found(f"\\n{text}")

    @given(st.text(DIGITS, min_size=20, max_size=80))
    def test_passes_a_longer_number(self, digits: str) -> None:
        assert not found(digits)

    @given(st.sampled_from([12, 13, 14, 18]), st.text(DIGITS, min_size=17, max_size=17))
    def test_passes_trade_numbers(self, length: int, digits: str) -> None:
        payload = digits[: length - 1]
        number = payload + trade_digit(payload)
        assert not found(number)
        assert not holds_card_number(b'{"gtin": %s}' % number.encode())

    @given(st.text(DIGITS, min_size=7, max_size=14), st.sampled_from([" ", "-", ""]), st.integers(1, 3))
    def test_passes_phone_numbers(self, digits: str, separator: str, size: int) -> None:
        rest = separator.join(digits[start : start + size + 1] for start in range(0, len(digits), size + 1))
        for text in (f"+4{rest}", f"tel:+3{rest}", f"0{separator}{rest[:13]}"):
            assert not found(text), text

    @given(cards(), st.integers(1, 9))
    def test_passes_what_fails_the_check(self, card: str, other: int) -> None:
        assert not found(card[:-1] + str((int(card[-1]) + other) % 10))

    @pytest.mark.parametrize(
        "text",
        [
            "4006381333931",  # GTIN-13
            "5018374350930",
            "30614141000019",  # GTIN-14
            "036000291452",  # UPC
            "978-3-16-148410-0",
            "+44 113 496 0000",
            "+49 1512 3456789",
            "0044 113 496 0000, 01134 960001",
            "491512345678 4915123456789",
            "+371449635398431",
            "41 42 43 44 45 46 47 48",  # sizes that together pass the check
            "36 38 40 42 44 46 48 50 52",
            "360-370-380-390-400-410",
            "a1b2c3d4-1a2b-3c4d-4111-111111111111",  # a UUID whose last parts together pass it
            "41111111-1111-1111-a234-1a2b3c4d5e6f",
            "2026-11-21 09:30, 2026-11-28 2026-12-05",
            "DE44 5001 0517 5407 3249 31",
            "DE12 4306 0967 1234 5678 90",
            "GB33BUKB20201555555555",
            "192.168.100.100",
            "9400 1000 0000 0000 0000 00",
            "352099001761481",  # an IMEI
            "4111 1111 1111 1112",
            "4111.1111.1111.1112",
            "1.234.567.890.123",
            "sizes 4111.1111.1111",
            "36\n38\n40\n42\n44\n46\n48\n50\n52",
            "EAN 4006381333931\n2 pieces\n90 cm",
            "4111\n\n1111\n\n1111",
            "42424242\n42424242",  # two order numbers
            "\\\\/4111\\\\/1111\\\\/1111",
            "304-1234567-1234563",  # a marketplace's order number that passes Luhn's check
            "order 304-1234567-1234563 12/27",
            "2 items: 304 1234567 1234563",
        ],
    )
    def test_passes_what_a_shop_is_full_of(self, text: str) -> None:
        assert not found(text)

    def test_takes_a_doubtful_number_for_goods_unless_it_is_embossed(self) -> None:
        doubtful = "36000000000081"  # both checks hold: a Diners Club card, or a case of something
        assert not found(doubtful)
        assert found("3600 000000 0081")

    @given(st.binary() | st.text().map(str.encode))
    def test_takes_any_bytes(self, text: bytes) -> None:
        assert holds_card_number(text) in {True, False}
