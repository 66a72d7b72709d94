"""The difference between two documents: a text is none, everything else is one."""

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.proofs.openapi_diff import ROOT, differences, values_of

DOCUMENT: dict[str, Any] = {
    "paths": {
        "/v1/things/{thing_id}": {
            "get": {
                "summary": "One thing",
                "parameters": [
                    {"name": "thing_id", "in": "path", "required": True, "description": "The thing."},
                    {"name": "If-None-Match", "in": "header", "required": False, "description": "Its ETag."},
                ],
                "security": [{"SecretKey": []}],
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "properties": {
                    "title": {"type": "string", "description": "Its name."},
                    "description": {},
                    "size": {"enum": ["S", "M"]},
                },
                "required": ["title", "size"],
                "examples": [{"title": "A jacket", "detail": "None.", "size": "M"}],
            }
        }
    },
}


def changed(change: Callable[[Any], object]) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return document


def operation(document: Any) -> Any:
    return document["paths"]["/v1/things/{thing_id}"]["get"]


def thing(document: Any) -> Any:
    return document["components"]["schemas"]["Thing"]


def found(new: dict[str, Any]) -> tuple[list[str], list[str]]:
    (old_values, old_texts), (new_values, new_texts) = values_of(DOCUMENT), values_of(new)
    return differences(old_values, new_values), differences(old_texts, new_texts)


class TestTexts:
    @pytest.mark.parametrize(
        "change",
        [
            lambda document: operation(document).update(summary="A thing"),
            lambda document: operation(document)["parameters"][0].update(description="Which."),
            lambda document: thing(document)["properties"]["title"].update(description="What it is called."),
            lambda document: thing(document)["examples"][0].update(title="A coat"),
            lambda document: thing(document)["examples"][0].update(detail="Nothing."),
        ],
    )
    def test_are_no_difference(self, change: Callable[[Any], object]) -> None:
        values, texts = found(changed(change))
        assert (values, len(texts)) == ([], 1)


class TestDifferences:
    @pytest.mark.parametrize(
        ("change", "line"),
        [
            (
                lambda document: thing(document)["properties"].pop("title"),
                '- components > schemas > Thing > properties > title > type: "string"',
            ),
            (
                lambda document: thing(document)["properties"].pop("description"),
                "- components > schemas > Thing > properties > description: {}",
            ),
            (
                lambda document: thing(document)["required"].remove("size"),
                "- components > schemas > Thing > required > size: true",
            ),
            (
                lambda document: thing(document)["properties"]["size"]["enum"].append("L"),
                "+ components > schemas > Thing > properties > size > enum > L: true",
            ),
            (
                lambda document: operation(document)["parameters"][1].update(required=True),
                "~ paths > /v1/things/{thing_id} > get > parameters > header If-None-Match > required: false -> true",
            ),
            (
                lambda document: operation(document).update(security=[]),
                "+ paths > /v1/things/{thing_id} > get > security: []",
            ),
            (
                lambda document: thing(document)["examples"][0].update(size="S"),
                '~ components > schemas > Thing > examples > 0 > size: "M" -> "S"',
            ),
        ],
    )
    def test_are_said_by_place(self, change: Callable[[Any], object], line: str) -> None:
        values, _ = found(changed(change))
        assert line in values

    def test_the_order_of_a_set_or_of_parameters_is_none(self) -> None:
        def reorder(document: Any) -> None:
            thing(document)["required"].reverse()
            thing(document)["properties"]["size"]["enum"].reverse()
            operation(document)["parameters"].reverse()

        assert found(changed(reorder)) == ([], [])


class TestCommand:
    def test_ends_with_1_when_more_than_texts_differs(self, tmp_path: Path) -> None:
        documents = {
            "old": DOCUMENT,
            "text": changed(lambda document: operation(document).update(summary="A thing")),
            "more": changed(lambda document: operation(document).update(security=[])),
        }
        for name, document in documents.items():
            (tmp_path / name).write_bytes(msgspec.json.encode(document))
        ends = {}
        for name in documents:
            command = [sys.executable, "-m", "tests.proofs.openapi_diff", str(tmp_path / "old"), str(tmp_path / name)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            ends[name] = (done.returncode, done.stdout.splitlines()[-1])
        assert ends["old"] == (0, "nothing differs")
        assert ends["text"] == (0, "only texts differ: 1")
        assert ends["more"][0] == 1
