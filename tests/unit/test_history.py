"""A chain of changes: whole, or exactly what is wrong with it."""

from typing import Any

import msgspec
import pytest

from resale.domain.changes import GENESIS_HASH, Change, decode_change, encode_change, hash_change
from resale.domain.history import Fault, Link, verify_chain
from tests.unit.builders import LISTING, NOW, SYSTEM


def a_chain(count: int) -> tuple[Link, ...]:
    links: list[Link] = []
    previous = GENESIS_HASH
    for version in range(1, count + 1):
        change = Change(
            id=f"chg_{version}",
            type="listing.edited",
            actor=SYSTEM,
            request_id="req",
            transaction_id="txn",
            at=NOW,
            prev_hash=previous,
        )
        doc = f'{{"version":{version}}}'
        digest = hash_change(entity_id=LISTING, version=version, change=change, doc=doc, private="x")
        links.append(Link(version=version, change=msgspec.structs.replace(change, hash=digest), doc=doc, private="x"))
        previous = digest
    return tuple(links)


def faults(links: tuple[Link, ...], *, head: Link) -> list[tuple[int, Fault]]:
    found = verify_chain(entity_id=LISTING, links=links, head_version=head.version, head_hash=head.change.hash)
    return [(finding.version, finding.fault) for finding in found]


class TestVerifyChain:
    def test_a_whole_chain_has_no_findings(self) -> None:
        chain = a_chain(4)
        assert faults(chain, head=chain[-1]) == []

    def test_says_which_version_is_missing(self) -> None:
        chain = a_chain(4)
        assert faults((chain[0], *chain[2:]), head=chain[-1]) == [(2, Fault.GAP)]

    def test_a_first_version_that_follows_something_is_broken(self) -> None:
        chain = a_chain(2)
        renumbered = msgspec.structs.replace(chain[1], version=1)
        digest = hash_change(entity_id=LISTING, version=1, change=renumbered.change, doc=renumbered.doc, private="x")
        forged = msgspec.structs.replace(renumbered, change=msgspec.structs.replace(renumbered.change, hash=digest))
        assert faults((forged,), head=forged) == [(1, Fault.BROKEN_CHAIN)]

    def test_versions_not_yet_recorded_are_behind_not_a_gap(self) -> None:
        chain = a_chain(4)
        assert faults(chain[:2], head=chain[-1]) == [(3, Fault.BEHIND), (4, Fault.BEHIND)]

    @pytest.mark.parametrize("edit", [{"doc": "other"}, {"private": "other"}], ids=["doc", "private"])
    def test_notices_an_edited_text(self, edit: dict[str, Any]) -> None:
        chain = a_chain(3)
        edited = msgspec.structs.replace(chain[1], **edit)
        assert faults((chain[0], edited, chain[2]), head=chain[-1]) == [(2, Fault.EDITED)]

    def test_notices_an_edited_actor(self) -> None:
        chain = a_chain(2)
        change = msgspec.structs.replace(chain[0].change, request_id="other")
        edited = msgspec.structs.replace(chain[0], change=change)
        assert (1, Fault.EDITED) in faults((edited, chain[1]), head=chain[-1])

    def test_notices_a_row_replaced_by_a_consistent_other_one(self) -> None:
        chain, other = a_chain(3), a_chain(1)[0]
        change = msgspec.structs.replace(other.change, id="chg_other", hash="")
        digest = hash_change(entity_id=LISTING, version=1, change=change, doc=other.doc, private="x")
        forged = msgspec.structs.replace(other, change=msgspec.structs.replace(change, hash=digest))
        assert faults((forged, *chain[1:]), head=chain[-1]) == [(2, Fault.BROKEN_CHAIN)]

    def test_notices_that_the_newest_row_is_not_the_entity(self) -> None:
        chain = a_chain(2)
        found = verify_chain(entity_id=LISTING, links=chain, head_version=2, head_hash="0" * 64)
        assert [finding.fault for finding in found] == [Fault.HEAD_MISMATCH]


class TestHashChange:
    def test_moving_a_byte_from_doc_to_private_changes_it(self) -> None:
        change = a_chain(1)[0].change
        one = hash_change(entity_id=LISTING, version=1, change=change, doc="ab", private="c")
        two = hash_change(entity_id=LISTING, version=1, change=change, doc="a", private="bc")
        assert one != two

    def test_a_stored_change_hashes_the_same_after_a_round_trip(self) -> None:
        link = a_chain(1)[0]
        again = decode_change(encode_change(link.change))
        digest = hash_change(entity_id=LISTING, version=1, change=again, doc=link.doc, private=link.private)
        assert digest == link.change.hash
