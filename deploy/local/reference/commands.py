"""``docs/reference/commands.md``: all management commands, make targets, and roles of the image."""

import re
from collections.abc import Iterator
from itertools import starmap
from pathlib import Path
from typing import Final

from django.core.management import load_command_class

from deploy.local.reference.markdown import code, opening, page, table

_COMMANDS: Final = "management/commands/[a-z]*.py"
_TARGET: Final = re.compile(r"^(?P<name>[a-z-]+):.*?## (?P<help>.+)$", re.MULTILINE)


def command_page(root: Path) -> str:
    """Return the page of the checkout in a folder."""
    return page(_lines(root))


def command_apps(root: Path) -> dict[str, str]:
    """Return the management commands of this project by name, with the Django app of each."""
    files = (*root.glob(f"apps/*/{_COMMANDS}"), *root.glob(f"deploy/local/{_COMMANDS}"))
    return {file.stem: ".".join(file.relative_to(root).parts[:2]) for file in sorted(files, key=lambda one: one.stem)}


def _lines(root: Path) -> Iterator[str]:
    yield from opening(
        "Commands",
        "In the image a command is the `manage` role with its words: `docker run … manage reconcile --tenant "
        'northwind`. On one machine it is `make manage ARGS="…"` or `.venv/bin/python manage.py …`; it finds the '
        "platform that `make run` keeps up. `--help` lists its arguments.",
        source="the management commands and the `Makefile`",
    )
    yield from ("## Management commands", "")
    yield from table(("command", "where", "what it does"), starmap(_command_row, command_apps(root).items()))
    yield from ("## Make targets", "")
    yield from table(
        ("target", "what it does"), map(_target_row, _TARGET.finditer((root / "Makefile").read_text("utf-8")))
    )


def _command_row(name: str, app: str) -> tuple[str, ...]:
    where = "one machine only" if app.startswith("deploy.") else "image"
    return (code(name), where, load_command_class(app, name).help)


def _target_row(target: re.Match[str]) -> tuple[str, ...]:
    return (code(f"make {target['name']}"), target["help"])
