"""Every page can be found, and every link in one leads somewhere."""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.storefront.endpoint import Endpoint
from tests.architecture.sources import ROOT, broken, calls

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_README_WORDS = 1200
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^( *)```python\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
#: A form to fill in, which the list of decisions names.
_FORMS = {ROOT / "docs/decisions/template.md"}


class TestLinks:
    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
    def test_lead_somewhere(self, page: Path) -> None:
        gone = [link for link in _links(page) if not _leads(page, link)]
        assert not gone, broken(f"{page.relative_to(ROOT)} links to what is not there:", gone)


class TestIndex:
    def test_leads_to_every_page(self) -> None:
        index = ROOT / "docs/README.md"
        reached, waiting = {index}, [index]
        while waiting:
            page = waiting.pop()
            found = {(page.parent / link.partition("#")[0]).resolve() for link in _links(page)}
            new = {
                path for path in found if path in PAGES and path not in reached and path.is_relative_to(ROOT / "docs")
            }
            reached |= new
            waiting += new
        missing = [str(page.relative_to(ROOT)) for page in PAGES if page.is_relative_to(ROOT / "docs")]
        missing = [name for name in missing if ROOT / name not in reached | _FORMS]
        assert not missing, broken("Add a line for each to docs/README.md:", missing)

    def test_names_every_guide_itself(self) -> None:
        text = (ROOT / "docs/README.md").read_text(encoding="utf-8")
        guides = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs/guides").glob("*.md")]
        missing = [guide for guide in guides if f"]({guide})" not in text]
        assert not missing, broken("Add a line for each to docs/README.md:", missing)


class TestReadme:
    def test_is_short(self) -> None:
        words = len((ROOT / "README.md").read_text(encoding="utf-8").split())
        assert words <= _README_WORDS, (
            f"{words} words: README.md says what, how to begin and where next; docs/ the rest"
        )


class TestExamples:
    def test_declare_endpoints_with_fields_that_exist(self) -> None:
        named = {word for call in _endpoint_examples() for word in (keyword.arg for keyword in call.keywords)}
        assert {"access", "scope"} <= named
        assert named <= set(Endpoint.__struct_fields__)


def _links(page: Path) -> list[str]:
    """Relative links of a page, outside code."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not re.match(r"[a-z]+:", link)]


def _leads(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _endpoint_examples() -> Iterator[ast.Call]:
    for page in (ROOT / "docs/guides").glob("*.md"):
        for _, block in _PYTHON.findall(page.read_text(encoding="utf-8")):
            yield from (call for call, name in calls(ast.parse(textwrap.dedent(block))) if name == "Endpoint")
