"""The texts that people outside the code read, each with the place it is at."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from apps.storefront.docs import ENDPOINTS
from apps.storefront.openapi.document import build_document
from tests.architecture.sources import ROOT, Source, sources

_TAGS = re.compile(r"\{[%{#].*?[%}#]\}|<[^>]*>")
_INLINE_CODE = re.compile(r"`[^`]*`")
_SENTENCE = re.compile(r"[a-z,.;:] +[a-z]", re.IGNORECASE)
_HELP = re.compile(r"^[a-z-]+:.*## (.*)$", re.MULTILINE)
_SKIPPED_PAGES = ("docs/decisions/", "docs/glossary.md")  # decisions are of their time; the glossary names the words


class Text(NamedTuple):
    """A text and its place."""

    place: str
    text: str


def api_texts() -> Iterator[Text]:
    """Yield the summaries and descriptions of the OpenAPI document."""
    return _described(build_document(ENDPOINTS), "openapi")


def code_texts() -> Iterator[Text]:
    """Yield the sentences in the code, docstrings apart: error details, forms, commands, log messages, settings."""
    for source in sources("resale", "apps", "config", "deploy/local", "bench"):
        if "/migrations/" not in source.path:
            yield from _literals(source)


def template_texts() -> Iterator[Text]:
    """Yield the lines of the templates without their tags."""
    for path in sorted((ROOT / "apps").rglob("*.html")):
        yield from _lines(path, _TAGS)


def document_texts() -> Iterator[Text]:
    """Yield the lines of the documents, without inline code, and the help of the make targets."""
    for path in (*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(_SKIPPED_PAGES) and name != "CHANGELOG.md":
            yield from _lines(path, _INLINE_CODE)
    yield from (Text("Makefile", text) for text in _HELP.findall((ROOT / "Makefile").read_text(encoding="utf-8")))


def _described(node: Any, place: str) -> Iterator[Text]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"summary", "description"} and isinstance(value, str):
                yield Text(place, value)
            elif not key.startswith("example"):
                yield from _described(value, f"{place}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _described(value, f"{place}.{number}")


def _literals(source: Source) -> Iterator[Text]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(source.tree) if isinstance(node, documented) and node.body]
    docstrings = {body[0].value for body in bodies if isinstance(body[0], ast.Expr)}
    constants = (node for node in ast.walk(source.tree) if isinstance(node, ast.Constant) and node not in docstrings)
    for constant in constants:
        if isinstance(constant.value, str) and _SENTENCE.search(constant.value):
            yield Text(source.at(constant), constant.value)


def _lines(path: Path, removed: re.Pattern[str]) -> Iterator[Text]:
    name = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if text := removed.sub(" ", line).strip():
            yield Text(f"{name}:{number}", text)
