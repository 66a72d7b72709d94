"""What the whole-platform tests look for is really what would be written."""

import base64
import json

import pytest

from tests.e2e.traces import written_as

NAME = 'Zoë O"Hara-Vale?>'


def holds(content: bytes) -> bool:
    return any(trace in content for trace in written_as(NAME))


class TestTraces:
    @pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
    @pytest.mark.parametrize("after", ["", "y", "yz"])
    def test_base64_is_seen_wherever_the_name_begins(self, before: str, after: str) -> None:
        text = f"{before}{NAME}{after}".encode()
        assert holds(base64.b64encode(text))
        assert holds(base64.urlsafe_b64encode(text))

    def test_json_is_seen_and_json_in_json(self) -> None:
        inner = json.dumps({"name": NAME})
        assert holds(inner.encode())
        assert holds(json.dumps({"doc": inner}).encode())
        assert holds(json.dumps({"name": NAME}, ensure_ascii=False).encode())
        assert holds(base64.b64encode(inner.encode()))

    def test_another_name_is_not(self) -> None:
        assert not holds(b"Zoe Hara")
