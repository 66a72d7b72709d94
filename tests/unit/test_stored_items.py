"""Stored items: those of earlier releases are read, and lie today where they lay then.

``tests/samples/items`` has an item of each entity type for each way it is listed, as an earlier release stored it, in a
shop with four shards.
"""

import json
from typing import Any

import pytest

from resale.adapters.dynamodb.entities import MAPPINGS
from resale.adapters.dynamodb.mapping import EntityMapping
from resale.domain.changes import decode_change
from resale.domain.entities import PAYOUT, Table, entity_type_of
from tests.unit.builders import a_payout
from tests.unit.stored_items import FOLDER, SHARDS

STORED = [(path.stem, stored) for path in sorted(FOLDER.glob("*.json")) for stored in json.loads(path.read_text())]


def mapping_of(item: dict[str, Any]) -> EntityMapping[Any, Any]:
    return MAPPINGS[entity_type_of(json.loads(item["doc"])["id"]).prefix]


def holds(written: Any, stored: Any) -> bool:
    """Whether a document has all that the stored one had; fields that came later are added by a rewrite."""
    if isinstance(stored, dict) and isinstance(written, dict):
        return all(name in written and holds(written[name], value) for name, value in stored.items())
    if isinstance(stored, list) and isinstance(written, list):
        return len(written) == len(stored) and all(map(holds, written, stored))
    return bool(written == stored)


class TestStoredItems:
    @pytest.mark.parametrize(("name", "stored"), STORED, ids=lambda value: value if isinstance(value, str) else "")
    def test_is_read_and_written_as_it_lies(self, name: str, stored: dict[str, Any]) -> None:
        item = dict(stored["item"])
        mapping = mapping_of(item)
        assert (mapping.entity_type.sample, mapping.entity_type.table) == (name, Table(stored["table"]))
        entity = mapping.from_item(item)
        doc = mapping.documents.to_doc(entity, loaded=None)
        written = mapping.to_item(entity, doc=doc, change=decode_change(item["change"]), shards=SHARDS)
        assert holds(json.loads(str(written.pop("doc"))), json.loads(item.pop("doc")))
        assert written == item

    def test_an_entity_type_is_listed_by_what_it_says_alone(self) -> None:
        mapping = MAPPINGS[PAYOUT.prefix]
        assert mapping.list_by("seller_id").partition(a_payout().seller_id) == f"payouts#{a_payout().seller_id}"
        with pytest.raises(KeyError, match="a payout is not listed by currency"):
            mapping.list_by("currency")
