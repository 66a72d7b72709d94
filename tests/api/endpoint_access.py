"""The published access of every endpoint, as a table: ``python -m tests.api.endpoint_access`` writes it anew.

The stored table is stated apart from the declarations: who changes what has been published changes both.
"""

import os
from pathlib import Path
from typing import Any

import django
import msgspec

PATH = Path(__file__).parent / "samples" / "endpoint_access.txt"
_HEADER = ("METHOD", "PATH", "ACCESS", "SCOPE", "IF-MATCH", "IDEMPOTENCY-KEY")
_NONE = "-"


class Row(msgspec.Struct, frozen=True):
    """One endpoint."""

    method: str
    path: str
    access: str
    scope: str
    if_match: str
    idempotency_key: str

    @property
    def has_scope(self) -> bool:
        return self.scope != _NONE

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def _taken(idempotency: Any) -> str:
    return _NONE if idempotency is None else "required" if idempotency.is_required else "optional"


def declared() -> list[Row]:
    """Read the declarations."""
    from apps.storefront.docs import ENDPOINTS  # noqa: PLC0415 - needs Django set up, when run as a command

    return [
        Row(
            method=one.method.upper(),
            path=one.path,
            access=one.access.name.lower(),
            scope=one.scope or _NONE,
            if_match="If-Match" if one.if_match else _NONE,
            idempotency_key=_NONE
            if one.idempotency is None
            else "required"
            if one.idempotency.is_required
            else "optional",
        )
        for one in ENDPOINTS
    ]


def published() -> list[Row]:
    """Read the stored table."""
    return [Row(*line.split()) for line in PATH.read_text().splitlines()[1:]]


def written(rows: list[Row]) -> str:
    """Write a table, in columns."""
    cells = [_HEADER, *(msgspec.structs.astuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    django.setup()
    PATH.write_text(written(declared()))
