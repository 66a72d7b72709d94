"""Attribute values, against boto3's own codec."""

import msgspec
import pytest
from boto3.dynamodb.types import TypeSerializer

from resale.adapters.dynamodb.attribute_values import Attributes, Item, from_attributes, from_wire, to_wire

ITEM: Item = {
    "text": 'grün ✂ "quoted"',
    "empty": "",
    "count": 12,
    "negative": -(10**30),
    "yes": True,
    "no": False,
    "nothing": None,
    "list": ["a", 1, None, {"deep": [False]}],
    "map": {"a": {"b": "c"}, "n": 0},
}


class TestCodec:
    def test_writes_as_boto3_does(self) -> None:
        serialize = TypeSerializer().serialize
        assert to_wire(ITEM) == {name: serialize(value) for name, value in ITEM.items()}

    def test_reads_what_it_wrote(self) -> None:
        assert from_wire(to_wire(ITEM)) == ITEM
        decoded = msgspec.json.decode(msgspec.json.encode(to_wire(ITEM)), type=Attributes)
        assert from_attributes(decoded) == ITEM

    @pytest.mark.parametrize("value", [1.5, b"bytes", {1, 2}, ["nested", 1.5], {"nested": 1.5}])
    def test_refuses_what_no_item_holds(self, value: object) -> None:
        with pytest.raises(TypeError, match=r"cannot hold a (float|bytes|set)"):
            to_wire({"value": value})  # type: ignore[dict-item]  # the point

    @pytest.mark.parametrize("attribute", [{"B": "YQ=="}, {"SS": ["a"]}])
    def test_refuses_types_of_other_platforms(self, attribute: dict[str, object]) -> None:
        with pytest.raises(KeyError):
            from_wire({"value": attribute})
        with pytest.raises(KeyError):
            from_attributes(msgspec.convert({"value": attribute}, Attributes))

    def test_refuses_a_fraction(self) -> None:
        with pytest.raises(ValueError, match="invalid literal"):
            from_wire({"value": {"N": "1.5"}})
