"""JSON bodies: a byte order mark, numbers, keys given twice, and one canonical form."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.json_bodies import canonical_json, parse_json
from apps.core.problems import MalformedBody
from resale.errors import Invalid

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


class TestParseJSON:
    def test_takes_a_byte_order_mark(self) -> None:
        assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("105.0", 105),
            ("1e2", 100),
            ("-0.0", 0),
            ("9007199254740993.0", 9007199254740993),
            ("105.5", 105.5),
            ("9007199254740991.4", 9007199254740991.0),
            ("0e999999999", 0),
        ],
    )
    def test_reads_a_whole_number_as_an_integer_however_it_is_written(self, text: str, value: float) -> None:
        (number,) = parse_json(f"[{text}]".encode())
        assert (number, type(number)) == (value, type(value))

    @pytest.mark.parametrize("text", ["1e400", "1e999999999999999999999", "-1e999"])
    def test_refuses_a_number_beyond_all(self, text: str) -> None:
        with pytest.raises(Invalid) as refused:
            parse_json(f'{{"a": {text}}}'.encode())
        assert refused.value.errors[0].code == "out_of_range"

    @pytest.mark.parametrize(
        "body",
        [
            '{"a":1,"a":1}',
            '{"a":1, "a" :2}',
            '{"a":{"b":1,"b":2}}',
            '[{"x":":"},[{"b":1,"b":2}]]',
            '{"a\\u0041":1,"aA":2}',
            '{"a":1,"b":":\\"a\\":","a":2}',
            '{\n "a"\n: 1,\n "a"\n: 2}',
        ],
    )
    def test_refuses_a_key_given_twice(self, body: str) -> None:
        with pytest.raises(MalformedBody, match="twice"):
            parse_json(body.encode())

    @given(JSON, st.sampled_from([None, 1, "\t"]), st.sampled_from([(",", ":"), (" , ", "\n: ")]), st.booleans())
    def test_reads_what_json_writes(
        self,
        value: Any,
        indent: Any,
        separators: tuple[str, str],
        ascii_only: bool,  # noqa: FBT001 - hypothesis gives it
    ) -> None:
        body = json.dumps(value, indent=indent, separators=separators, ensure_ascii=ascii_only).encode()
        assert parse_json(body) == value
        assert canonical_json(parse_json(body)) == canonical_json(value)

    @given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
    def test_refuses_what_is_none_with_a_problem(self, body: bytes) -> None:
        try:
            json.loads(body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            with pytest.raises((MalformedBody, Invalid)):
                parse_json(body)


class TestCanonicalJSON:
    def test_is_one_for_what_means_the_same(self) -> None:
        written = [
            b'{"b": [1, {"y": "\xc3\xa9", "x": 2}], "a": 1}',
            b'{"a":1.0,"b":[1,{"x":2,"y":"\\u00e9"}]}',
            b'\xef\xbb\xbf{ "a" : 10e-1, "b": [ 1.0, { "x": 2, "y": "\\u00E9" } ] }',
        ]
        assert len({canonical_json(parse_json(body)) for body in written}) == 1

    def test_is_another_for_what_means_something_else(self) -> None:
        written = [b'{"a":1}', b'{"a":"1"}', b'{"a":[1]}', b'{"a":true}', b'{"A":1}', b'{"a":1,"b":1}', b'{"a":1.5}']
        assert len({canonical_json(parse_json(body)) for body in written}) == len(written)
