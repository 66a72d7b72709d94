"""DynamoDB's attribute values and ours. Only the types that items of this platform have: no floats, sets or bytes."""

from collections.abc import Callable, Mapping
from typing import Any, Final

Value = str | int | bool | None | list[Any] | dict[str, Any]
Item = dict[str, Value]
AttributeValue = dict[str, Any]


def to_wire(item: Mapping[str, Value]) -> dict[str, AttributeValue]:
    """Write an item as DynamoDB reads it.

    Raises:
        TypeError: A value is of a type that no item has (a float, a set, bytes, a datetime).
    """
    return {name: {"S": value} if type(value) is str else _write(value) for name, value in item.items()}


def from_wire(attributes: Mapping[str, AttributeValue]) -> Item:
    """Read an item as DynamoDB writes it.

    Raises:
        ValueError: A number is not whole.
        KeyError: A type that no item of ours has.
    """
    item: Item = {}
    for name, attribute in attributes.items():
        for kind, value in attribute.items():
            item[name] = value if kind == "S" else _READERS[kind](value)
    return item


def _write(value: Value) -> AttributeValue:
    try:
        return _WRITERS[type(value)](value)
    except KeyError:
        raise TypeError(f"An item cannot hold a {type(value).__name__}.") from None


def _read(attribute: AttributeValue) -> Value:
    ((kind, value),) = attribute.items()
    return _READERS[kind](value)


_WRITERS: Final[Mapping[type, Callable[[Any], AttributeValue]]] = {
    str: lambda value: {"S": value},
    bool: lambda value: {"BOOL": value},
    int: lambda value: {"N": str(value)},
    type(None): lambda _: {"NULL": True},
    list: lambda value: {"L": [_write(element) for element in value]},
    dict: lambda value: {"M": {name: _write(element) for name, element in value.items()}},
}

_READERS: Final[Mapping[str, Callable[[Any], Value]]] = {
    "S": lambda value: value,
    "BOOL": lambda value: value,
    "N": int,
    "NULL": lambda _: None,
    "L": lambda value: [_read(element) for element in value],
    "M": lambda value: {name: _read(element) for name, element in value.items()},
}
