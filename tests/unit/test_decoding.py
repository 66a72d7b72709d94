"""Each sentence msgspec says of a wrong input, as a pointer and a code."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest

from apps.core.requests import Body
from apps.core.validation_errors import field_error, pointer


class Colour(StrEnum):
    RED = "red"


class Part(Body, frozen=True, kw_only=True):
    size: int = 0


class Whole(Body, frozen=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=3)] = "abc"
    code: Annotated[str, msgspec.Meta(pattern="^[A-Z]$")] = "A"
    count: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    colour: Colour = Colour.RED
    parts: Annotated[list[Part], msgspec.Meta(max_length=2)] = msgspec.field(default_factory=list)
    words: dict[str, Annotated[str, msgspec.Meta(max_length=2)]] = msgspec.field(default_factory=dict)
    at: datetime | None = None
    moment: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    pair: tuple[int, int] = (1, 2)


def said_of(given: Any) -> tuple[str, str]:
    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.json.decode(msgspec.json.encode(given), type=Whole)
    error = field_error(str(refusal.value))
    assert error.detail.endswith(".")
    return error.pointer, error.code


class TestFieldError:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ([], ("", "wrong_type")),
            ({"name": 1}, ("/name", "wrong_type")),
            ({"name": "a"}, ("/name", "too_short")),
            ({"name": "abcd"}, ("/name", "too_long")),
            ({"code": "a"}, ("/code", "wrong_format")),
            ({"count": 0}, ("/count", "out_of_range")),
            ({"count": 10}, ("/count", "out_of_range")),
            ({"count": 10**400}, ("/count", "out_of_range")),
            ({"ratio": 1}, ("/ratio", "out_of_range")),
            ({"colour": "blue"}, ("/colour", "unknown_value")),
            ({"parts": [{}, {"size": "x"}]}, ("/parts/1/size", "wrong_type")),
            ({"parts": [{"weight": 1}]}, ("/parts/0/weight", "unknown_field")),
            ({"parts": [{}, {}, {}]}, ("/parts", "too_long")),
            ({"words": {"a": "long"}}, ("/words", "too_long")),
            ({"at": "yesterday"}, ("/at", "wrong_format")),
            ({"moment": "2026-11-21T09:30:00"}, ("/moment", "wrong_format")),
            ({"pair": [1]}, ("/pair", "wrong_length")),
            ({"a/b~c": 1}, ("/a~1b~0c", "unknown_field")),
            ({"x" * 500: 1}, ("/" + "x" * 64, "unknown_field")),
        ],
    )
    def test_names_place_and_code(self, given: Any, expected: tuple[str, str]) -> None:
        assert said_of(given) == expected

    def test_never_quotes_a_value(self) -> None:
        with pytest.raises(msgspec.ValidationError) as refusal:
            msgspec.json.decode(b'{"colour":"jane@example.org"}', type=Whole)
        assert "jane" in str(refusal.value)
        assert "jane" not in field_error(str(refusal.value)).detail

    def test_knows_what_it_does_not_know(self) -> None:
        assert field_error("Something new - at `$.name`") == type(field_error(""))(
            "/name", "invalid", "The value is not valid."
        )


def test_a_pointer_escapes_its_steps() -> None:
    assert pointer("a/b", "0", "~") == "/a~1b/0/~0"
