"""Stored items of each entity type: ``python -m tests.unit.stored_items`` writes those of types that have none yet.

It takes today's sample document. A type that is listed in other ways in other states gets more items by hand.
"""

import json
from pathlib import Path

from resale.adapters.dynamodb.entities import MAPPINGS
from resale.domain.actors import Actor, ActorKind
from resale.domain.changes import GENESIS_HASH, Change
from tests.unit.builders import NOW

SAMPLES = Path(__file__).parent.parent / "samples"
FOLDER = SAMPLES / "items"
SHARDS = 4
_CHANGE = Change(
    id="chg_" + "b" * 32,
    type="sample.written",
    actor=Actor(kind=ActorKind.SYSTEM, id="test"),
    request_id="req",
    transaction_id="txn",
    at=NOW,
    prev_hash=GENESIS_HASH,
    hash="c" * 64,
)


def write_missing() -> None:
    """Write an item of each entity type that has none."""
    for mapping in MAPPINGS.values():
        sample = mapping.entity_type.sample
        path = FOLDER / f"{sample}.json"
        if not path.exists():
            doc = (SAMPLES / f"{sample}-{mapping.documents.schema}.json").read_text()
            entity = mapping.documents.from_doc(doc, private=None)
            item = mapping.to_item(
                entity, doc=mapping.documents.to_doc(entity, loaded=None), change=_CHANGE, shards=SHARDS
            )
            path.write_text(json.dumps([{"table": mapping.entity_type.table, "item": item}], indent=1) + "\n")


if __name__ == "__main__":
    write_missing()
