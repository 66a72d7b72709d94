"""Moments of one entity: none lies before what it follows, whichever process's clock it was taken from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def stamped(fields: Mapping[str, object], *, now: datetime, after: datetime) -> dict[str, Any]:
    """Date a change to an entity: ``fields``, with ``updated_at``.

    A writer takes ``now`` before it reads, and on its own host; what it reads may have been written later. What it
    stamps with that moment, then, is stamped with the last write's (``after``).
    """
    at = max(now, after)
    return {**{name: at if value is now else value for name, value in fields.items()}, "updated_at": at}
