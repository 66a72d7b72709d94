"""Detection of payment card numbers, which are refused: only tokens are accepted. Pure, and cheap without one.

A card number has an issuer's prefix and length, passes the Luhn check, and is written as people write cards: in one
piece, or with spaces and dashes between its digits; in its groups also over several lines. A letter, a digit or ``_``
on either side makes it part of something else: an id, a hash, a longer number. Trade numbers and phone numbers, of
which a shop is full, pass.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import msgspec

from resale.errors import Invalid


class CardNumberRefused(Invalid):
    """The request contains a payment card number."""

    code = "card_number_refused"
    title = "Card number refused"
    default_detail = "The request contains a payment card number. Send the payment provider's token instead."


def refuse_card_numbers(text: bytes, *, place: str) -> None:
    """Refuse a text with a card number, without quoting it. Raises CardNumberRefused.

    Raises:
        CardNumberRefused: ``text``, which is ``place`` of a request, holds one.
    """
    if holds_card_number(text):
        raise CardNumberRefused(f"{place} contains a payment card number. Send the payment provider's token instead.")


def holds_card_number(text: bytes) -> bool:
    """Return whether a text contains a card number: JSON with escapes, or any other UTF-8."""
    text = _decode_escapes(text)
    if _DIGITS not in text.translate(_SHAPE, _BETWEEN):  # 5 us for 2 KB; almost every one ends here
        return False
    if any(_is_card(_NO_DIGITS.sub(b"", match[0])) for match in _PUNCTUATED.finditer(text)):
        return True
    if b"\n" in text and any(map(_is_on_lines, _runs(text.replace(b"\n", b" ")))):
        return True
    if not _LONG_RUN.search(text):  # 14 us more, where a hash happens to hold twelve digits in a row
        return False
    return any(map(_holds_card, _runs(text)))


def is_embossed_card(reference: str) -> bool:
    """Return whether a reference is a card number and nothing else, in the groups of a card.

    For references that their sender can choose at will. In one piece it may be an order number.
    """
    groups = tuple(reference.encode().replace(b"-", b" ").split())
    is_grouped = all(group.isdigit() for group in groups) and tuple(map(len, groups)) in _EMBOSSED
    return is_grouped and _is_card(b"".join(groups))


# ---------------------------------------------------------------- which numbers are cards'
_MIN_DIGITS: Final = 12
_LONG: Final = frozenset(range(16, 20))  # ISO/IEC 7812-1: 19 digits at most

#: Issuers' prefixes → lengths (CyberSource, "Card Type Identification"; braintree/credit-card-type 10.1.2). Visa's old
#: 13 digits are left out: goods and phones have as many.
_ISSUED: Final[tuple[tuple[tuple[str, ...], frozenset[int]], ...]] = (
    (("4",), frozenset({16, 18, 19})),  # Visa
    (("51", "52", "53", "54", "55", *map(str, range(2221, 2721))), frozenset({16})),  # Mastercard
    (("34", "37"), frozenset({15})),  # American Express
    (("6011", "644", "645", "646", "647", "648", "649", "65"), _LONG),  # Discover
    (("300", "301", "302", "303", "304", "305", "3095", "36", "38", "39"), _LONG | {14}),  # Diners Club
    (tuple(map(str, range(3528, 3590))), _LONG),  # JCB
    (("62", *map(str, range(810, 818))), _LONG),  # UnionPay
    (("5018", "5020", "5038", "5893", "6304", "67"), _LONG | {12, 13, 14, 15}),  # Maestro
    (("50", "56", "57", "58", "6"), _LONG),  # the rest of Maestro's ranges
)
#: GTIN-12, -13, -14 and the parcel's SSCC. One in ten also passes Luhn's check, and one card in ten theirs.
_TRADE_LENGTHS: Final = frozenset({12, 13, 14, 18})

_VALUES: Final = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))  # ISO/IEC 7812-1, annex B
_TRIPLED: Final = bytes.maketrans(b"0123456789", bytes(range(0, 30, 3)))  # GS1 General Specifications, 7.9
_PREFIXES: Final = {
    length: tuple(prefix.encode() for prefixes, lengths in _ISSUED if length in lengths for prefix in prefixes)
    for length in range(12, 20)
}


def _is_card(digits: bytes) -> bool:
    return digits.startswith(_PREFIXES.get(len(digits), ())) and _weigh(digits, _DOUBLED) % 10 == 0


def _is_trade_number(digits: bytes) -> bool:
    return len(digits) in _TRADE_LENGTHS and _weigh(digits, _TRIPLED) % 10 == 0


def _weigh(digits: bytes, weighted: bytes) -> int:
    """Return the weighted sum of the digits; every second one from the last but one by ``weighted``."""
    return sum(digits[::-2].translate(_VALUES)) + sum(digits[-2::-2].translate(weighted))


# ---------------------------------------------------------------- how they are written
_SEPARATORS: Final = b" -"
_DIGITS: Final = b"0" * _MIN_DIGITS
_SHAPE: Final = bytes(ord("0" if chr(code) in "0123456789" else ".") for code in range(256))

#: Groups of digits up to three spaces and dashes apart, and nothing that they would be part of. The letter of an
#: escape (``\\n``) is no letter.
_RUN: Final = re.compile(
    rb"(?:(?<![0-9A-Za-z_])|(?<=\\[bfnr]))[0-9]+(?:[ -]{1,3}[0-9]+)*(?![0-9A-Za-z_])",
)
_LONG_RUN: Final = re.compile(rb"[0-9](?:(?<![0-9A-Za-z_].)|(?<=\\[bfnr].))(?:[ -]{0,3}[0-9]){11}", re.DOTALL)
#: Other marks part only what is grouped as on a card: 4111.1111.1111.1111. Else they part amounts, dates and addresses.
_PUNCTUATION: Final = b"./,:_"
_BETWEEN: Final = _SEPARATORS + _PUNCTUATION + b"\n"
_PUNCTUATED: Final = re.compile(
    rb"(?<![0-9A-Za-z_])[0-9]{4}([./,:_])"
    rb"(?:[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{1,3})?|[0-9]{6}\1[0-9]{4,5})(?![0-9A-Za-z_])"
)
_NO_DIGITS: Final = re.compile(rb"[^0-9]+")
#: As they stand on cards: Visa and most, American Express, Diners Club, and the longer ones.
_EMBOSSED: Final = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3)})
_FIRST_SIZE: Final = 4  # of all of them
_WIDTHS: Final = tuple(sorted({len(sizes) for sizes in _EMBOSSED}))
#: Order numbers of marketplaces, 304-1234567-1234567: one in ten would pass for a Diners Club card of 17 digits.
_ORDER_NUMBER: Final = (3, 7, 7)
_ALONE_MIN_DIGITS: Final = 14  # beside other groups; below, it would be the last part of a UUID
_PHONE_MAX_DIGITS: Final = 15  # ITU-T E.164
_IBAN_HEAD: Final = re.compile(rb"[A-Z]{2}[0-9]{2} \Z")
_WORD_BEFORE: Final = re.compile(rb"[0-9A-Za-z_]-\Z")
_WORD_AFTER: Final = re.compile(rb"-[0-9A-Za-z_]")
_LOOK_BACK: Final = 5


class _Run(msgspec.Struct, frozen=True, gc=False):
    """A run of digit groups, and whether a dash joins it to a word."""

    groups: tuple[bytes, ...]
    joined: bool


def _runs(text: bytes) -> Iterator[_Run]:
    """Return the runs that can contain a card number; phone numbers after ``+`` and bank accounts are skipped."""
    for match in _RUN.finditer(text):
        groups = tuple(match[0].replace(b"-", b" ").split())
        digit_count = sum(map(len, groups))
        before = text[max(match.start() - _LOOK_BACK, 0) : match.start()]
        is_phone = before.endswith(b"+") and digit_count <= _PHONE_MAX_DIGITS
        if digit_count >= _MIN_DIGITS and not is_phone and not _IBAN_HEAD.search(before):
            joined = _WORD_BEFORE.search(before) or _WORD_AFTER.match(text, match.end())
            yield _Run(groups, joined=joined is not None)


def _holds_card(run: _Run) -> bool:
    if any(map(_is_card, _iter_card_rows(run.groups))):
        return True
    return any(_is_card(digits) and not _is_trade_number(digits) for digits in _iter_other_digits(run))


def _is_on_lines(run: _Run) -> bool:
    """Return whether a card is in a run over several lines, in its groups: lists of numbers have lines too."""
    return any(map(_is_card, _iter_card_rows(run.groups)))


def _iter_card_rows(groups: tuple[bytes, ...]) -> Iterator[bytes]:
    """Iterate over the rows of groups as they are on a card; a date or a code can follow."""
    sizes = tuple(map(len, groups))
    for start, size in enumerate(sizes):
        for width in _WIDTHS if size == _FIRST_SIZE else ():
            if sizes[start : start + width] in _EMBOSSED:
                yield b"".join(groups[start : start + width])


def _iter_other_digits(run: _Run) -> Iterator[bytes]:
    """Iterate over long groups and the complete run, unless it is a list of small numbers."""
    groups = _without_order_number(run.groups)
    yield from (group for group in groups if len(group) >= _ALONE_MIN_DIGITS)
    sizes = set(map(len, groups[:-1]))
    is_list = sizes in ({2}, {3})  # "38 40 42 44 46 48 50"
    if not run.joined and not is_list:
        yield b"".join(groups)


def _without_order_number(groups: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Remove a marketplace's order number from the groups."""
    sizes = tuple(map(len, groups))
    width = len(_ORDER_NUMBER)
    at = next((at for at in range(len(sizes)) if sizes[at : at + width] == _ORDER_NUMBER), None)
    return groups if at is None else (*groups[:at], *groups[at + width :])


# ---------------------------------------------------------------- how they are hidden
#: JSON's short escapes (RFC 8259, 7) of what may stand between digits.
_ESCAPES: Final = ((b"\\/", b"/"), (b"\\t", b"  "), (b"\\r", b"\r"), (b"\\n", b"\n"))
#: JSON's numbered escapes (RFC 8259, 7): UTF-16, so a character beyond the first plane takes two.
_UNITS: Final = re.compile(rb"(?:\\u[0-9A-Fa-f]{4})+")
#: Digits, spaces, dashes, dots and invisible characters beyond ASCII.
_ODD: Final = re.compile(
    r"[^\x00-\x7f](?<=[\d\s\u00ad\u058a\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d\u200b-\u200f\u2060\ufeff"
    r"\u00b7\u2022\u2027\u2219\u22c5\u3002\u30fb\uff0e\uff65])"
)


def _decode_escapes(text: bytes) -> bytes:
    if b"\\" in text:
        for escape, character in _ESCAPES:
            text = text.replace(escape, character)
        text = _UNITS.sub(_unescape, text) if b"\\u" in text else text
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not text.isascii():
        text = _ODD.sub(_plain, text.decode(errors="replace")).encode()
    return text


def _unescape(match: re.Match[bytes]) -> bytes:
    units = bytes.fromhex(match[0].replace(b"\\u", b"").decode())
    return units.decode("utf-16-be", errors="replace").encode()


def _plain(match: re.Match[str]) -> str:
    digit = unicodedata.decimal(match[0], None)
    return " " if digit is None else str(digit)
