"""``docs/decisions/README.md``: every decision with its status and its first sentence."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.local.reference.markdown import opening, page, table

_TITLE: Final = re.compile(r"# (?P<number>\d{4}) (?P<title>.+)")
#: The line below the title of a decision that no longer holds.
_REPLACED: Final = re.compile(r"^Replaced by \[?(?P<number>\d{4})", re.MULTILINE)
_SENTENCE_END: Final = re.compile(r"(?<=[.])\s")


def decision_page(folder: Path) -> str:
    """Return the page from the decisions in a folder."""
    return page(_lines(folder))


def _lines(folder: Path) -> Iterator[str]:
    yield from opening(
        "Decisions",
        "A decision that shapes more than one file has a page here: context, decision, consequences, and what enforces "
        "it. `template.md` is the empty form, [0001](0001-record-decisions.md) the rules.",
        source="the decisions in this folder",
    )
    rows = (_row(path) for path in sorted(folder.glob("[0-9]*.md")))
    yield from table(("number", "decision", "status", "in one line"), rows)


def _row(path: Path) -> tuple[str, ...]:
    text = path.read_text(encoding="utf-8")
    named, replaced = _TITLE.match(text), _REPLACED.search(text)
    if named is None:
        raise ValueError(f"{path.name} must begin with `# NNNN Title`")
    status = "in force" if replaced is None else f"replaced by {replaced['number']}"
    return (f"[{named['number']}]({path.name})", named["title"], status, _first_sentence(text))


def _first_sentence(text: str) -> str:
    """Return the first sentence of a decision; the first entry of a list counts as one."""
    decided = text.partition("\n## Decision\n")[2].strip().removeprefix("- ")
    first = decided.partition("\n\n")[0].partition("\n- ")[0]
    return _SENTENCE_END.split(" ".join(first.split()), maxsplit=1)[0]
