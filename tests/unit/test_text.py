"""Text at the entrance: what it may hold, that it shows something, and that it is in one form."""

import re
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resale.domain.text import FOREIGN, TextKind, TextRefused, clean_text, line, paragraphs

LINE, PARAGRAPHS = TextKind.LINE, TextKind.PARAGRAPHS
#: XML 1.0 (fifth edition) 2.2, production 2: what an SQS message can carry.
XML_CHARACTERS = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")

#: Text of people: each is taken as it is.
GOOD = {
    "plain": "Waxed jacket, size M",
    "accents": "Veste en cuir vieilli \u2013 état neuf",
    "japanese": "ダウンジャケット",
    "arabic": "سترة شتوية",
    "hebrew with a mark of direction": "מעיל 1\u200f!",
    "persian with ZWNJ": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "hindi with ZWJ": "क्\u200dष",
    "family of emoji": "👨\u200d👩\u200d👧\u200d👦",
    "rainbow flag": "🏳\ufe0f\u200d🌈",
    "flag of England": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "keycap": "1\ufe0f\u20e3",
    "an emoji newer than this Python": "\U0001fae9",
    "isolated name": "By \u2068דנה\u2069.",
    "nested isolates": "\u2067a\u2066b\u2069\u2069",
    "private use": "\ue000",
    "punctuation": "…",
    "quotes and code": '"$key":"x" \\ <script>',
    "astral letters": "\U0001d49c\U0001d4c3\U0001d4c3\U0001d4b6",
}
NEVER = {
    "NUL": "\x00",
    "BEL": "\x07",
    "ESC": "\x1b",
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "unit separator": "\x1f",
    "DEL": "\x7f",
    "NEL": "\x85",
    "CSI": "\x9b",
    "lone surrogate": "\ud800",
    "low surrogate": "\udfff",
    "U+FFFE": "\ufffe",
    "U+FFFF": "\uffff",
    "noncharacter": "\ufdd0",
    "noncharacter of another plane": "\U0001ffff",
    "last of all": "\U0010ffff",
    "embedding": "\u202a",
    "override": "\u202e",
    "pop of direction": "\u202c",
    "open isolate": "\u2067",
    "closed before it is open": "\u2069a\u2068",
    "isolate over two lines": "\u2068a\nb\u2069",
}
BLANK = {
    "space": "  ",
    "no-break space": "\u00a0\u3000",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "soft hyphen": "\u00ad",
    "marks alone": "\u0301\u0308",
    "vowel sign alone": "\u093e",
    "variation selector": "\ufe0f",
    "Hangul filler": "\u3164\u115f\uffa0",
    "Braille blank": "\u2800",
    "tags": "\U000e0041",
    "closed isolate": "\u2068\u2069",
}


def refused(text: str, kind: TextKind = LINE) -> str:
    with pytest.raises(TextRefused) as found:
        clean_text(text, kind)
    return found.value.code


class TestCleanText:
    @pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
    def test_takes_what_people_write(self, text: str) -> None:
        for kind in (LINE, PARAGRAPHS):
            assert clean_text(text, kind) == text

    @pytest.mark.parametrize("part", NEVER.values(), ids=NEVER)
    def test_refuses_what_no_text_needs(self, part: str) -> None:
        for text in (part, f"Jacket {part}", f"{part}夾克 \U000200ff"):
            for kind in (LINE, PARAGRAPHS):
                assert refused(text, kind) == "invalid_characters"

    @pytest.mark.parametrize("text", BLANK.values(), ids=BLANK)
    def test_refuses_what_shows_nothing(self, text: str) -> None:
        assert refused(text) == refused(text, PARAGRAPHS) == "blank"
        assert refused(f"\n{text}\n", PARAGRAPHS) == "blank"

    @pytest.mark.parametrize("part", ["\t", "\n", "\r\n", "\u2028", "\u2029"])
    def test_takes_breaks_where_lines_may_be_many(self, part: str) -> None:
        assert refused(f"a{part}b", LINE) == "invalid_characters"
        assert clean_text(f"a{part}b", PARAGRAPHS) == f"a{part}b"

    def test_leaves_an_empty_text_to_its_length(self) -> None:
        assert clean_text("", LINE) == ""

    def test_normalises(self) -> None:
        assert clean_text("Cafe\u0301", LINE) == "Café"
        assert clean_text("\u1100\u1161\u11a8", LINE) == "각"

    @pytest.mark.parametrize("marks", ["\u0301", "\u0301\u0316", "\u0f73", "\u0f71\u0f81", "\U0001d165\U0001d16d"])
    @pytest.mark.parametrize("before", ["a", "夾克" * 7, "é" * 30])
    def test_refuses_marks_that_no_script_piles_up(self, marks: str, before: str) -> None:
        assert refused(before + (marks * 31)[:31]) == "invalid_characters"
        assert refused(before + marks * 40_000 + "b") == "invalid_characters"  # normalised, it takes seconds
        most = (marks * 15)[:15]
        for kind in (LINE, PARAGRAPHS):
            assert clean_text(f"{before}{most}b{most}", kind) == unicodedata.normalize("NFC", f"{before}{most}b{most}")

    def test_refuses_marks_that_normalising_adds_to(self) -> None:
        assert refused("\u0958" + "\u0301" * 30) == "invalid_characters"

    def test_says_which_character_and_not_which_text(self) -> None:
        with pytest.raises(TextRefused) as found:
            clean_text("Jane \u202e", LINE)
        assert "U+202E" in found.value.detail
        assert "Jane" not in found.value.detail

    @given(st.text(st.characters(exclude_categories=())), st.sampled_from([LINE, PARAGRAPHS]))
    def test_gives_only_what_every_later_hop_carries(self, text: str, kind: TextKind) -> None:
        try:
            cleaned = clean_text(text, kind)
        except TextRefused:
            return
        assert cleaned == unicodedata.normalize("NFC", text)
        assert XML_CHARACTERS.fullmatch(cleaned)
        assert clean_text(cleaned, kind) == cleaned


class TestTypes:
    @pytest.mark.parametrize("meta", [line(max_length=9), paragraphs(max_length=9), line(min_length=0, max_length=9)])
    def test_the_documented_pattern_holds_what_is_taken(self, meta: msgspec.Meta) -> None:
        pattern = re.compile((meta.extra_json_schema or {})["pattern"])
        assert all(map(pattern.search, GOOD.values()))
        for part in ("\x00", "\x1b", "\ufffe", "\u202e"):
            assert not pattern.search(f"a{part}b")
        assert not pattern.search(" \u200b")
        assert bool(pattern.search("")) is not bool(meta.min_length)

    @pytest.mark.parametrize("name", ["auth0|64f0", "a b", "jane+1@example.org", "日本", "4242424242424242"])
    def test_a_foreign_name_may_be_almost_anything(self, name: str) -> None:
        assert re.search(FOREIGN, name)

    @pytest.mark.parametrize(
        "name", ["", " ", " a", "a ", "a\n", "a\x00b", "\u200b", "a\ufffeb", "a\u202eb", "\u00a0a"]
    )
    def test_a_foreign_name_has_no_controls_and_no_blanks_around_it(self, name: str) -> None:
        assert not re.search(FOREIGN, name)
