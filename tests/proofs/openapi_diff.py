"""The difference between two OpenAPI documents, texts apart: what would break a client generated from the first.

``python -m tests.proofs.openapi_diff OLD.json NEW.json`` compares two files; ``--base REVISION`` in their place
compares that revision with the working tree. ``--texts`` lists texts, too. Ends with 1 when more than texts differs.
What a text alone says (the scope that a secret key needs) is held by ``tests/api/samples/endpoint_access.txt``.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
Place = tuple[str, ...]
Values = dict[Place, Any]

_TEXTS: Final = frozenset({"summary", "description", "title"})
_EXAMPLES: Final = frozenset({"example", "examples"})
_EXAMPLE_TEXTS: Final = _TEXTS | {"detail"}
_SETS: Final = frozenset({"required", "enum", "tags"})  # lists whose order says nothing
_WRITE: Final = """
import sys, django
django.setup()
from django.test import Client
sys.stdout.buffer.write(Client().get("/v1/openapi.json").content)
"""


def values_of(document: Mapping[str, Any]) -> tuple[Values, Values]:
    """Take a document apart: every value that is none of a text, and every text, by its place."""
    values: Values = {}
    texts: Values = {}
    for place, value in _leaves(document, ()):
        (texts if _is_text(place) else values)[place] = value
    return values, texts


def differences(old: Values, new: Values) -> list[str]:
    """Say what was added, removed and changed, by place."""
    lines = []
    for place in sorted(old.keys() | new.keys()):
        name = " > ".join(place)
        if place not in new:
            lines.append(f"- {name}: {_shown(old[place])}")
        elif place not in old:
            lines.append(f"+ {name}: {_shown(new[place])}")
        elif old[place] != new[place]:
            lines.append(f"~ {name}: {_shown(old[place])} -> {_shown(new[place])}")
    return lines


def document_of(folder: Path) -> Any:
    """Ask the code in a folder for its document, over HTTP as a client does."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    done = subprocess.run(
        [sys.executable, "-c", _WRITE], cwd=folder, env=environment, check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout)


def document_at(revision: str) -> Any:
    """Take a revision out of git, and ask it for its document."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        try:
            return document_of(Path(folder))
        except subprocess.CalledProcessError as failed:
            advice = "If a library is missing, save the document of a clone of it, and compare the two files."
            raise SystemExit(f"{revision} does not run with this environment's libraries. {advice}") from failed


def _leaves(node: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    for name, child in _children(node, place):
        if isinstance(child, dict | list) and child:
            yield from _leaves(child, (*place, name))
        else:
            yield (*place, name), child


def _children(node: Any, place: Place) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        yield from node.items()
    elif place[-1] in _SETS and not any(isinstance(one, dict | list) for one in node):
        yield from ((str(one), True) for one in node)
    else:
        for number, one in enumerate(node):
            is_parameter = isinstance(one, dict) and {"name", "in"} <= one.keys()
            yield (f"{one['in']} {one['name']}" if is_parameter else str(number)), one


def _is_text(place: Place) -> bool:
    """Whether a value is said to people. A property may have the name of a text: a listing has a ``title``."""
    if _EXAMPLES & set(place):
        return place[-1] in _EXAMPLE_TEXTS
    return place[-1] in _TEXTS and place[-2:-1] != ("properties",)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="the old document and the new one")
    parser.add_argument("--base", metavar="REVISION", help="compare this revision with the working tree")
    parser.add_argument("--texts", action="store_true", help="list texts, too")
    given = parser.parse_args()
    if bool(given.base) == (len(given.files) == 2):
        parser.error("give two files, or --base")
    return given


def _verdict(found: list[str], said: list[str]) -> str:
    if found:
        return f"{len(found)} differences, and {len(said)} of texts"
    return f"only texts differ: {len(said)}" if said else "nothing differs"


def main() -> int:
    """Print what differs."""
    given = _arguments()
    if given.base:
        old, new = document_at(given.base), document_of(ROOT)
    else:
        old, new = (json.loads(path.read_text()) for path in given.files)
    (old_values, old_texts), (new_values, new_texts) = values_of(old), values_of(new)
    found, said = differences(old_values, new_values), differences(old_texts, new_texts)
    for line in (*found, *(said if given.texts else ()), _verdict(found, said)):
        print(line)  # noqa: T201 - a command
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
