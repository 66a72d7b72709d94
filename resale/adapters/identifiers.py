"""New ids: UUIDv7 by ``uuid-utils`` (RFC 9562), so that text order is time order."""

import uuid_utils


def new_id(prefix: str) -> str:
    """Return a new id: ``new_id("lst") -> "lst_0197…"``."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"
