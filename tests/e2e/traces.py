"""How a text may lie in a file without being seen at a glance."""

import base64
import json
from urllib.parse import quote, quote_plus


def written_as(text: str) -> set[bytes]:
    """A text as it is, in JSON (once or twice over), in a URL, and in Base64 of each wherever it begins."""
    once = json.dumps(text)[1:-1]
    unescaped = json.dumps(text, ensure_ascii=False)[1:-1]
    plain = {text, once, unescaped, json.dumps(once)[1:-1], quote(text), quote_plus(text)}
    coded = {_in_base64(one.encode(), at) for one in (text, once, unescaped) for at in range(3)}
    urlsafe = {one.replace(b"+", b"-").replace(b"/", b"_") for one in coded}
    return {one.encode() for one in plain} | coded | urlsafe


def _in_base64(plain: bytes, at: int) -> bytes:
    """The characters that only ``plain`` decides, when ``at`` bytes of a group of three come before it."""
    encoded = base64.b64encode(bytes(at) + plain).rstrip(b"=")
    has_tail = (at + len(plain)) % 3 != 0
    return encoded[at + (at > 0) : -1 if has_tail else None]
