"""The texts of an error: each class declares a title and a default detail, and no docstring reaches a caller."""

import ast
import importlib
from collections import Counter
from typing import Final

from apps.core import problems
from apps.core.problems import HTTPError, ProblemType
from apps.storefront import problem_codes as codes
from resale.errors import Outcome
from tests.architecture.sources import broken, descendants, sources

_DECLARED: Final = ("code", "title", "default_detail")
_MAX_TITLE: Final = 40


class TestErrorClasses:
    def test_each_declares_code_title_and_default_detail(self) -> None:
        kinds = error_classes()
        offences = [f"{kind.__name__}: {name}" for kind in kinds for name in _DECLARED if name not in vars(kind)]
        assert len(kinds) > 100
        assert not offences, broken("An error class declares all three; these are inherited or missing:", offences)

    def test_a_title_is_short_capitalised_and_has_no_full_stop(self) -> None:
        offences = [f"{kind.__name__}: {kind.title}" for kind in error_classes() if not _is_title(kind.title)]
        assert not offences, broken(
            f"A title has at most {_MAX_TITLE} characters, like 'Listing not for sale':", offences
        )

    def test_no_two_share_a_title(self) -> None:
        counts = Counter(kind.title for kind in error_classes())
        assert not [title for title, count in counts.items() if count > 1]

    def test_a_default_detail_is_made_of_sentences(self) -> None:
        texts = [(kind.__name__, kind.default_detail) for kind in error_classes()]
        offences = [f"{name}: {text}" for name, text in texts if not (text[0].isupper() and text.endswith("."))]
        assert not offences, broken("A default detail says what is wrong and what to do, in sentences:", offences)


class TestDocstrings:
    def test_none_reaches_a_caller(self) -> None:
        offences = [
            source.at(node)
            for source in sources("resale", "apps")
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Attribute) and node.attr == "__doc__"
        ]
        assert not offences, broken("Docstrings are for engineers; declare the text where it is shown:", offences)


class TestDocument:
    def test_a_problem_type_without_a_class_has_the_texts_of_its_class(self) -> None:
        declared = {kind.code: problems.problem_type_of(kind) for kind in error_classes()}
        groups = [group for group in vars(codes).values() if isinstance(group, tuple)]
        listed = {kind for group in groups for kind in group if isinstance(kind, ProblemType)}
        offences = [kind.code for kind in listed if declared.get(kind.code, kind) != kind]
        assert len(listed) > 20
        assert not offences, broken(
            "The OpenAPI document says something else of these codes than the error class:", offences
        )


def error_classes() -> list[type[Outcome | HTTPError]]:
    """Return every error class that can be raised."""
    found = [*descendants("Outcome"), *descendants("HTTPError")]
    return [HTTPError, *(getattr(importlib.import_module(source.module), cls.name) for source, cls in found)]


def _is_title(title: str) -> bool:
    return title[0].isupper() and not title.endswith(".") and len(title) <= _MAX_TITLE
