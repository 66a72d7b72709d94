"""The public texts keep to the field's terms: the words that ``docs/glossary.md`` replaces are in none of them."""

import re
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.architecture.public_texts import Text, api_texts, code_texts, document_texts, template_texts
from tests.architecture.sources import ROOT, broken

_ROW: Final = re.compile(r"^\| (?P<term>[^|]+) \| [^|]+ \| (?P<replaced>[^|]*)\|$", re.MULTILINE)
_GLOSSARY: Final = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
#: replaced words → the term in their place.
TERMS: Final = {
    replaced.lower(): row["term"]
    for row in _ROW.finditer(_GLOSSARY)
    for replaced in re.findall("`([^`]+)`", row["replaced"])
}
#: Whole words, not a part of a path or of a hyphenated name.
_REPLACED: Final = re.compile(rf"(?<![\w/-])(?:{'|'.join(map(re.escape, TERMS))})(?![\w-])", re.IGNORECASE)
KINDS: Final = (api_texts, code_texts, template_texts, document_texts)


def offences(texts: Iterator[Text]) -> list[str]:
    """Name each replaced word, its place and the term that the glossary has instead."""
    return [
        f"{place}: “{found.group()}”, write “{TERMS[found.group().lower()]}”: {text[:120]}"
        for place, text in texts
        for found in _REPLACED.finditer(text)
    ]


class TestGlossary:
    def test_replaces_words(self) -> None:
        assert len(TERMS) > 60
        assert TERMS["given back"] == "refund"

    def test_is_in_alphabetical_order(self) -> None:
        terms = [row["term"] for row in _ROW.finditer(_GLOSSARY)][1:]
        assert terms == sorted(terms, key=str.lower)

    @pytest.mark.parametrize("text", ["The money was given back.", "SAID AGAIN it has no effect", "open the door"])
    def test_finds_a_replaced_word(self, text: str) -> None:
        assert offences(iter([Text("here", text)]))

    @pytest.mark.parametrize("text", ["A dead letter was replayed.", "see http://127.0.0.1/books", "The book-keeping"])
    def test_passes_over_other_words(self, text: str) -> None:
        assert not offences(iter([Text("here", text)]))


@pytest.mark.parametrize("texts", KINDS, ids=[kind.__name__ for kind in KINDS])
class TestPublicTexts:
    def test_are_found(self, texts: Callable[[], Iterator[Text]]) -> None:
        assert len(list(texts())) > 200

    def test_keep_to_the_glossary(self, texts: Callable[[], Iterator[Text]]) -> None:
        found = offences(texts())
        assert not found, broken("Public texts use the field's terms (docs/glossary.md):", found)
