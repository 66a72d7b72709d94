"""Documents: every schema ever shipped can be read, and what we do not know survives us."""

import json
import pathlib
from typing import Any

import msgspec
import pytest

from resale.adapters.dynamodb.documents import DocumentKind, SchemaTooNew
from resale.adapters.dynamodb.entities import MAPPINGS
from resale.adapters.dynamodb.listings import LISTINGS
from resale.domain.listings import Listing
from tests.unit.builders import (
    a_claim,
    a_clock,
    a_dead_letter,
    a_listing,
    a_media,
    a_payout,
    a_purchase,
    a_seller,
    a_transfer,
    an_order,
)
from tests.unit.events import an_inbound

SAMPLES = pathlib.Path(__file__).parent.parent / "samples"
KINDS: dict[str, DocumentKind[Any]] = {mapping.entity_type.sample: mapping.documents for mapping in MAPPINGS.values()}
TODAY: dict[str, msgspec.Struct] = {
    "claim": a_claim(),
    "clock": a_clock(),
    "dead_letter": a_dead_letter(),
    "inbound": an_inbound(),
    "listing": a_listing(),
    "media": a_media(),
    "order": an_order(),
    "payout": a_payout(),
    "purchase": a_purchase(),
    "seller": a_seller(),
    "transfer": a_transfer(),
}


class V1(msgspec.Struct, frozen=True):
    id: str
    schema: int = 1


class V3(msgspec.Struct, frozen=True):
    id: str
    name: str
    size: int
    schema: int = 3


V3_KIND = DocumentKind(
    V3, schema=3, upcasters={1: lambda tree: {**tree, "name": "?"}, 2: lambda tree: {**tree, "size": 0}}
)


class TestSamples:
    @pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
    def test_every_schema_ever_shipped_can_be_read(self, path: pathlib.Path) -> None:
        kind = KINDS[path.stem.rsplit("-", 1)[0]]
        entity = kind.from_doc(path.read_text(), private=None)
        assert entity.schema == kind.schema

    @pytest.mark.parametrize("name", sorted(KINDS))
    def test_todays_schema_has_a_sample(self, name: str) -> None:
        assert (SAMPLES / f"{name}-{KINDS[name].schema}.json").exists()

    @pytest.mark.parametrize("name", sorted(KINDS))
    def test_todays_sample_is_written_as_it_was_read(self, name: str) -> None:
        sample = (SAMPLES / f"{name}-{KINDS[name].schema}.json").read_text()
        entity = KINDS[name].from_doc(sample, private=None)
        assert json.loads(KINDS[name].to_doc(entity, loaded=None)) == json.loads(sample)

    @pytest.mark.parametrize(("name", "entity"), sorted(TODAY.items()))
    def test_todays_sample_is_what_we_write(self, name: str, entity: msgspec.Struct) -> None:
        sample = (SAMPLES / f"{name}-{KINDS[name].schema}.json").read_text()
        assert json.loads(KINDS[name].to_doc(entity, loaded=None)) == json.loads(sample)


class TestUpcasting:
    def test_goes_step_by_step(self) -> None:
        assert V3_KIND.from_doc('{"id":"a","schema":1}', private=None) == V3(id="a", name="?", size=0)

    def test_a_document_without_a_schema_is_the_first(self) -> None:
        assert V3_KIND.from_doc('{"id":"a"}', private=None).size == 0

    def test_todays_document_passes_as_it_is(self) -> None:
        doc = '{"id":"a","name":"n","size":2,"schema":3}'
        assert V3_KIND.upcast(doc) == doc.encode()


class TestRewriting:
    def test_unknown_fields_survive_on_every_level(self) -> None:
        stored = json.loads(LISTINGS.to_doc(a_listing(), loaded=None))
        stored["from_tomorrow"] = [1, 2]
        stored["price"]["tax_included"] = True
        doc = LISTINGS.to_doc(a_listing(title="New"), loaded=json.dumps(stored))
        written = json.loads(doc)
        assert written["title"] == "New"
        assert written["from_tomorrow"] == [1, 2]
        assert written["price"] == {"amount": 12_000, "currency": "GBP", "tax_included": True}

    def test_unknown_fields_survive_where_the_document_is_not_decoded_again(self) -> None:
        stored = json.loads(LISTINGS.to_doc(a_listing(), loaded=None)) | {"from_tomorrow": 1}
        loaded = json.dumps(stored, separators=(",", ":"))
        read: Listing = LISTINGS.from_doc(loaded, private="sealed")
        written = json.loads(LISTINGS.to_doc(a_listing(title="New"), loaded=loaded, read=read))
        assert written["from_tomorrow"] == 1
        assert "private" not in written

    @pytest.mark.parametrize("text", ["\ufffe", "\uffff", "\ud800", "夾克 \uffff"])
    def test_what_no_message_carries_is_replaced(self, text: str) -> None:
        doc = LISTINGS.to_doc(msgspec.structs.replace(a_listing(), title=text), loaded=None)
        assert LISTINGS.from_doc(doc, private=None).title == text[:-1] + "\ufffd"

    def test_old_text_that_no_message_carries_is_read_and_mended_when_it_is_written(self) -> None:
        listing = msgspec.structs.replace(a_listing(), title="Old \uffff")
        stored = json.dumps({**msgspec.to_builtins(listing), "future": 1}, ensure_ascii=False, default=str)
        read = LISTINGS.from_doc(stored, private=None)
        assert read.title == "Old \uffff"
        rewritten = json.loads(LISTINGS.to_doc(read, loaded=stored, read=read))
        assert (rewritten["title"], rewritten["future"]) == ("Old \ufffd", 1)

    def test_a_removed_custom_field_does_not_come_back(self) -> None:
        loaded = LISTINGS.to_doc(a_listing(custom_fields={"size": "M", "gone": "x"}), loaded=None)
        written = json.loads(LISTINGS.to_doc(a_listing(custom_fields={"size": "L"}), loaded=loaded))
        assert written["custom_fields"] == {"size": "L"}

    @pytest.mark.parametrize("separators", [None, (",", ":")], ids=["spaced", "as we write"])
    def test_a_newer_schema_is_never_overwritten(self, separators: tuple[str, str] | None) -> None:
        newer = json.loads(LISTINGS.to_doc(a_listing(), loaded=None)) | {"schema": 99}
        with pytest.raises(SchemaTooNew):
            LISTINGS.to_doc(a_listing(), loaded=json.dumps(newer, separators=separators))

    def test_what_a_user_wrote_is_no_schema(self) -> None:
        loaded = LISTINGS.to_doc(a_listing(title='{"schema":99,', custom_fields={"schema": 9, "z": 1}), loaded=None)
        assert json.loads(LISTINGS.to_doc(a_listing(), loaded=loaded))["schema"] == LISTINGS.schema

    @pytest.mark.parametrize(
        ("name", "field"),
        [
            (name, field)
            for name, entity in sorted(TODAY.items())
            for field in entity.__struct_fields__
            if field != "private"  # stored beside the document
        ],
    )
    def test_what_could_not_be_read_again_is_refused(self, name: str, field: str) -> None:
        wrong: dict[str, Any] = {field: [[[]]]}  # of no field's type
        with pytest.raises(TypeError, match=rf"could not be read again: .*`\$\.{field}"):
            KINDS[name].to_doc(msgspec.structs.replace(TODAY[name], **wrong), loaded=None)

    def test_the_private_part_is_never_in_the_document(self) -> None:
        doc = LISTINGS.to_doc(a_listing(private="sealed"), loaded=None)
        assert "sealed" not in doc
        assert "private" not in json.loads(doc)

    def test_the_private_part_comes_back_beside_it(self) -> None:
        doc = LISTINGS.to_doc(a_listing(), loaded=None)
        listing: Listing = LISTINGS.from_doc(doc, private="sealed")
        assert listing == a_listing(private="sealed")
