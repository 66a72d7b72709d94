"""What a struct takes in: text checked wherever it stands, null as absent, references told from what people write."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from apps.core.input_text import clean, without_references
from resale.domain.text import code, line, paragraphs, reference

Note = Annotated[str, paragraphs(min_length=0, max_length=50)]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A nested part."""

    city: Annotated[str, line(max_length=20)]
    country: Annotated[str, code(r"^[A-Z]{2}\Z")] | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A body with text in every place it can be."""

    title: Annotated[str, line(max_length=20)]
    note: Note | UnsetType = UNSET
    number: Annotated[str, reference(r"^[0-9-]+\Z")] | None = None
    place: Place | UnsetType = UNSET
    places: tuple[Place, ...] = ()
    notes: list[Note] = []
    fields: dict[Annotated[str, code(r"^[a-z]+\Z")], Note | int | bool] = {}


def faults(tree: Any) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in clean(tree, Order)]


class TestClean:
    def test_normalises_in_every_place(self) -> None:
        tree: dict[str, Any] = {
            "title": "e\u0301",
            "place": {"city": "e\u0301"},
            "places": [{"city": "e\u0301"}],
            "notes": ["e\u0301"],
            "fields": {"x": "e\u0301", "y": 1, "z": True},
        }
        assert faults(tree) == []
        assert tree == {
            "title": "é",
            "place": {"city": "é"},
            "places": [{"city": "é"}],
            "notes": ["é"],
            "fields": {"x": "é", "y": 1, "z": True},
        }

    def test_stops_when_very_much_is_wrong(self) -> None:
        blanks = [" "] * 28_000
        assert faults({"title": "x", "notes": blanks}) == [(f"/notes/{index}", "blank") for index in range(50)]
        fields = dict.fromkeys(map(str, range(28_000)), " ")
        assert len(faults({"title": " ", "places": [{"city": " "}] * 28_000, "fields": fields})) == 50
        assert len(faults({"title": "x", "notes": blanks[:49]})) == 49

    def test_names_every_text_it_refuses(self) -> None:
        tree = {
            "title": " ",
            "note": "a\nb",
            "place": {"city": "a\nb"},
            "places": [{"city": "x"}, {"city": "\u202e"}],
            "notes": ["ok", "\x00"],
            "fields": {"x": "\u200b"},
        }
        assert faults(tree) == [
            ("/title", "blank"),
            ("/place/city", "invalid_characters"),
            ("/places/1/city", "invalid_characters"),
            ("/notes/1", "invalid_characters"),
            ("/fields", "blank"),
        ]

    def test_takes_null_for_absent_where_a_field_is_optional(self) -> None:
        tree: dict[str, Any] = {
            "title": None,
            "note": None,
            "number": None,
            "place": {"city": None, "country": None},
            "fields": None,
        }
        assert faults(tree) == []
        assert tree == {"title": None, "place": {"city": None}}

    def test_passes_on_what_is_of_another_type(self) -> None:
        other: dict[str, Any] = {"title": 5, "place": [], "places": {}, "notes": "x", "fields": [1], "other": None}
        trees: list[Any] = [other, [], "x", None]
        assert [faults(tree) for tree in trees] == [[], [], [], []]


class TestWithoutReferences:
    def test_leaves_out_what_is_a_reference_and_nothing_else(self) -> None:
        tree: dict[str, Any] = {
            "title": "t",
            "number": "304-1",
            "place": {"city": "c", "country": "GB"},
            "x": "304-1",
            "fields": {"a": "b"},
        }
        assert without_references(tree, Order) == {**tree, "number": None}
