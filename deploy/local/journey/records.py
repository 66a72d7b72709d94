"""Verification of a history by a client of the API: every version is present, every hash is right and chained."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from deploy.local.journey.assertions import require
from resale.domain.changes import Change
from resale.domain.history import Link, verify_chain


def check_history(history: Any, expected: Sequence[str]) -> Iterator[str]:
    """Verify a complete history by its own bytes; yield one line for each version.

    Raises:
        JourneyFailed: Something is missing, changed or more than expected.
    """
    entries = history["data"]
    links = tuple(_link(entry) for entry in entries)
    found = verify_chain(
        entity_id=entries[0]["entity_id"],
        links=links,
        head_version=history["verification"]["head_version"],
        head_hash=links[-1].change.hash,
    )
    require(not found, f"the history does not hold: {found}")
    types = [link.change.type for link in links]
    require(types == list(expected), f"the history is {types}, expected {list(expected)}")
    for link in links:
        change = link.change
        yield f"v{link.version} {change.at:%H:%M:%S} {change.type:<22} by {change.actor.kind:<9} {change.hash[:12]}"
    yield f"{len(links)} versions, none missing; every hash is right"


def _link(entry: Any) -> Link:
    change = msgspec.convert(entry["change"], Change)
    return Link(version=entry["version"], change=change, doc=entry["doc"], private=entry["sealed"])
