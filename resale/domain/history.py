"""History as a chain: complete, in order and unedited."""

from enum import StrEnum

import msgspec

from resale.domain.changes import GENESIS_HASH, Change, hash_change


class Fault(StrEnum):
    """The kind of a fault in a history."""

    GAP = "gap"
    EDITED = "edited"
    BROKEN_CHAIN = "broken_chain"
    BEHIND = "behind"
    HEAD_MISMATCH = "head_mismatch"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of a history, at one version."""

    version: int
    fault: Fault


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded version: the change and the exact bytes that it covers."""

    version: int
    change: Change
    doc: str
    private: str | None = None


def verify_chain(*, entity_id: str, links: tuple[Link, ...], head_version: int, head_hash: str) -> tuple[Finding, ...]:
    """Verify versions 1 to ``head_version``: none is missing, each hash is right and chained, the last is the head's.

    Args:
        entity_id: Whose history.
        links: Every recorded version, oldest first.
        head_version: The version the entity stands at now.
        head_hash: The hash of its newest change.

    Returns:
        What is wrong, oldest first; empty when history is whole. A version not yet recorded at the end is ``behind``.
    """
    recorded = {link.version: link for link in links}
    findings: list[Finding] = []
    previous: str | None = GENESIS_HASH
    for version in range(1, head_version + 1):
        link = recorded.get(version)
        if link is None:
            newest = max(recorded, default=0)
            findings.append(Finding(version=version, fault=Fault.BEHIND if version > newest else Fault.GAP))
            previous = None  # what a missing version said cannot be held against the next
            continue
        findings.extend(_check(entity_id, link, previous))
        previous = link.change.hash
    if head_version in recorded and recorded[head_version].change.hash != head_hash:
        findings.append(Finding(version=head_version, fault=Fault.HEAD_MISMATCH))
    return tuple(findings)


def _check(entity_id: str, link: Link, previous: str | None) -> list[Finding]:
    digest = hash_change(
        entity_id=entity_id, version=link.version, change=link.change, doc=link.doc, private=link.private
    )
    if digest != link.change.hash:
        return [Finding(version=link.version, fault=Fault.EDITED)]
    if previous is not None and link.change.prev_hash != previous:
        return [Finding(version=link.version, fault=Fault.BROKEN_CHAIN)]
    return []
