"""Texts of users: permitted characters, blank texts, and normalisation (NFC).

Every text a caller sends is of one of four kinds, and its type says which (``line``, ``paragraphs``, ``code``,
``reference``). The first two are what people write; they are checked and normalised here. The other two have a pattern
of visible ASCII characters, so nothing in them can be wrong in another way. Text that is stored already is not looked
at again: a reader never fails on it.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final

import msgspec

EXTRA: Final = "text"  # the key in ``msgspec.Meta.extra`` under which a text's kind stands


class TextKind(StrEnum):
    """The kind of a text, which determines its permitted characters."""

    LINE = "line"  # people write it, in one line: a title, a name
    PARAGRAPHS = "paragraphs"  # people write it, with line breaks and tabs: a description
    CODE = "code"  # a fixed pattern: a currency, a country, a provider's token
    REFERENCE = "reference"  # an id or a reference, ours or somebody else's: an order number, a product


WRITTEN: Final = frozenset({TextKind.LINE, TextKind.PARAGRAPHS})


class TextRefused(ValueError):  # noqa: N818 - named for what happened, as outcomes are
    """Raised for a text that is refused. ``code`` is stable; ``detail`` does not quote the text."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


# ---------------------------------------------------------------- types
def line(*, max_length: int, min_length: int = 1, description: str | None = None) -> msgspec.Meta:
    """Describe text in one line, as metadata of an annotated ``str``."""
    return _describe_written(TextKind.LINE, min_length, max_length, description)


def paragraphs(*, max_length: int, min_length: int = 1, description: str | None = None) -> msgspec.Meta:
    """Describe text that may have line breaks and tabs, as metadata of an annotated ``str``."""
    return _describe_written(TextKind.PARAGRAPHS, min_length, max_length, description)


def code(
    pattern: str, *, min_length: int | None = None, max_length: int | None = None, description: str | None = None
) -> msgspec.Meta:
    """Describe a code with a fixed pattern of ASCII characters, as metadata of an annotated ``str``."""
    return msgspec.Meta(
        pattern=pattern,
        min_length=min_length,
        max_length=max_length,
        description=description,
        extra={EXTRA: TextKind.CODE},
    )


def reference(
    pattern: str | None,
    *,
    min_length: int | None = None,
    max_length: int | None = None,
    description: str | None = None,
    format_: str | None = None,
) -> msgspec.Meta:
    """Describe an id or a reference, as metadata of an annotated ``str``. Card numbers are not refused in it.

    Order numbers, tracking numbers and product numbers are digits too, and one in ten of those that begin like a card
    number passes its check. Only what is signed needs no ``pattern``: nothing but our own is taken there.
    """
    return msgspec.Meta(
        pattern=pattern,
        min_length=min_length,
        max_length=max_length,
        description=description,
        extra={EXTRA: TextKind.REFERENCE},
        extra_json_schema=None if format_ is None else {"format": format_},
    )


#: Pattern of a name that somebody else gives, and that has to stay as it is: no controls, no blanks around it.
FOREIGN: Final = (
    r"^[^\s\u0000-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufdd0-\ufdef\ufeff\ufffe\uffff]"
    r"(?:[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]*\S)?\Z"
)


# ---------------------------------------------------------------- the rule
#: What XML 1.0 (2.2, Char) and so SQS cannot carry: C0 controls but tab, LF and CR, surrogates, U+FFFE and U+FFFF. With
#: them the other controls (DEL and C1: U+009B alone begins a terminal's escape sequence), the noncharacters of
#: the first plane, and the embeddings and overrides of direction (UAX #9), which make text read as something else.
_NEVER: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
_BREAKS: Final = "\t\n\r\u2028\u2029"
_REFUSED: Final = {
    TextKind.LINE: re.compile(f"[{_NEVER}{_BREAKS}]"),
    TextKind.PARAGRAPHS: re.compile(f"[{_NEVER}]"),
}
_ISOLATES: Final = "\u2066\u2067\u2068"
_END_OF_ISOLATE: Final = "\u2069"
_ISOLATE: Final = re.compile(f"[{_ISOLATES}{_END_OF_ISOLATE}]")
_PARAGRAPH_END: Final = re.compile("[\n\r\u2029]")  # UAX #9, P1: where isolates end by themselves
_LAST_OF_FIRST_PLANE: Final = "\uffff"
#: The last two characters of each plane beyond the first. Apart from the rest: among them they make it 9 times slower.
_ASTRAL: Final = re.compile(
    "[" + "".join(f"{chr(p << 16 | 0xFFFE)}{chr(p << 16 | 0xFFFF)}" for p in range(1, 17)) + "]"
)
#: Of what is not carried, all that is left of a text once it is JSON, which escapes controls.
_UNCARRIABLE: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")
_PLAIN: Final = re.compile(r"[0-9A-Za-z]")
#: Letters and symbols that show nothing: Hangul fillers, the empty Braille pattern, and what Unicode keeps for
#: characters that are ignored (Default_Ignorable_Code_Point).
_SHOWS_NOTHING: Final = re.compile("[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]")
#: Stream-Safe Text Format (UAX #15, 13): no script needs as many. To order a run of marks, as normalising does, takes
#: time by the square of its length: 12 s for 120,000.
_MOST_MARKS: Final = 30
_LONG_RUN: Final = b"\x01" * (_MOST_MARKS + 1)
_IS_MARK: Final = bytes([0] + [1] * 255)  # by the canonical combining class
_PAIRS_OF_MARKS: Final = "\u0f73\u0f75\u0f81"  # of class 0 themselves, each two marks when it is decomposed
_INVISIBLE_CATEGORIES: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Mc", "Me"})


def clean_text(text: str, kind: TextKind) -> str:
    """Validate a text and return it in Unicode's normalisation form C.

    An empty text is returned as it is: whether a field may be empty is a matter of its length.

    Args:
        text: As it came; it may hold lone surrogates.
        kind: LINE or PARAGRAPHS.

    Raises:
        TextRefused: ``invalid_characters`` or ``blank``.
    """
    if text.isascii() and text.isprintable() and not text.isspace():  # 0.1 us; most texts end here
        return text
    _refuse_characters(text, kind)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
        _refuse_marks(text)  # a character that is always decomposed can have lengthened a run
    if not _PLAIN.search(text) and not any(map(_is_visible, text)):
        raise TextRefused("blank", "This text is blank. Write a text, or leave the field out.")
    return text


def carriable(text: str) -> str:
    """Replace characters that SQS does not accept by U+FFFD.

    For text that cannot be refused: what a partner sends, and what was stored before text was checked.
    """
    return text if text.isascii() else _UNCARRIABLE.sub("\ufffd", text)


def _refuse_characters(text: str, kind: TextKind) -> None:
    if found := _REFUSED[kind].search(text):
        raise _build_refusal(found[0])
    if max(text) > _LAST_OF_FIRST_PLANE and (found := _ASTRAL.search(text)):
        raise _build_refusal(found[0])
    if _ISOLATE.search(text) and not all(map(_closes_isolates, _PARAGRAPH_END.split(text))):
        raise TextRefused("invalid_characters", "Each direction isolate (U+2066 to U+2068) must end with U+2069.")
    _refuse_marks(text)


def _refuse_marks(text: str) -> None:
    for pair in _PAIRS_OF_MARKS:
        text = text.replace(pair, "\u0f71")
    if not any(map(unicodedata.combining, text[_MOST_MARKS :: _MOST_MARKS + 1])):  # a longer run has one of these
        return
    if _LONG_RUN in bytes(map(unicodedata.combining, text)).translate(_IS_MARK):
        detail = f"At most {_MOST_MARKS} combining marks (such as accents) can follow one another."
        raise TextRefused("invalid_characters", detail)


def _build_refusal(character: str) -> TextRefused:
    if character in _BREAKS:
        return TextRefused("invalid_characters", "This text is a single line: line breaks and tabs are not allowed.")
    return TextRefused("invalid_characters", f"The character U+{ord(character):04X} is not allowed in text.")


def _closes_isolates(paragraph: str) -> bool:
    """Return whether every isolate of a paragraph is closed in it, so that the text after it keeps its direction."""
    depth = 0
    for character in paragraph:
        if character in _ISOLATES:
            depth += 1
        elif character == _END_OF_ISOLATE:
            depth -= 1
            if depth < 0:
                return False
    return depth == 0


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE_CATEGORIES and not _SHOWS_NOTHING.match(character)


# ---------------------------------------------------------------- the rule, as the API's document says it
_DESCRIBED: Final = {
    TextKind.LINE: r"[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\ufdd0-\ufdef\ufffe\uffff]*",
    TextKind.PARAGRAPHS: (
        r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\ufdd0-\ufdef\ufffe\uffff]*"
    ),
}
_DESCRIBED_VISIBLE: Final = r"(?=[\s\S]*[^\s\u00ad\u0300-\u036f\u200b-\u200f\u2060-\u206f\ufe00-\ufe0f\ufeff])"


def _describe_written(kind: TextKind, min_length: int, max_length: int, description: str | None) -> msgspec.Meta:
    shows = _DESCRIBED_VISIBLE if min_length else f"(?:{_DESCRIBED_VISIBLE}|$)"
    return msgspec.Meta(
        min_length=min_length or None,
        max_length=max_length,
        description=description,
        extra={EXTRA: kind},
        extra_json_schema={"pattern": f"^{shows}{_DESCRIBED[kind]}$"},
    )
