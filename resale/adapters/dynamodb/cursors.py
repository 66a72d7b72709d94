"""Cursors: opaque, signed list positions, one sort position for each shard, bound to their query."""

import base64
import binascii
import hashlib
import hmac
from typing import Final

import msgspec

from resale.errors import FieldError, Invalid

_TAG_BYTES: Final = 16
_MAX_CURSOR_CHARS: Final = 4_096


class InvalidCursor(Invalid):
    """The cursor is not authentic, or belongs to another query."""

    code = "cursor_invalid"
    title = "Invalid cursor"
    default_detail = (
        "The cursor was changed or belongs to another list. Send `next_cursor` of the previous page unchanged."
    )


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The position in one shard's list: the last sort key and id; ``done`` if the shard has no more."""

    sort: str = ""
    pk: str = ""
    done: bool = False


_POSITIONS: Final = msgspec.json.Decoder(tuple[Position, ...])


class Cursors:
    """Encodes and decodes cursors with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def encode(self, positions: tuple[Position, ...], *, query: str) -> str:
        """Encode positions as URL-safe text, bound to ``query`` (tenant, index, partition)."""
        payload = msgspec.json.encode(positions)
        return base64.urlsafe_b64encode(self._tag(payload, query) + payload).rstrip(b"=").decode()

    def decode(self, cursor: str, *, query: str, shards: int) -> tuple[Position, ...]:
        """Decode a cursor. Raises InvalidCursor.

        Raises:
            InvalidCursor: Not ours, changed, or of another query.
        """
        payload = self._verify(cursor, query)
        positions = _POSITIONS.decode(payload)
        if len(positions) != shards:
            raise _invalid()
        return positions

    def _verify(self, cursor: str, query: str) -> bytes:
        if len(cursor) > _MAX_CURSOR_CHARS:
            raise _invalid()
        try:
            raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise _invalid() from error
        tag, payload = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(payload, query)):
            raise _invalid()
        return payload

    def _tag(self, payload: bytes, query: str) -> bytes:
        return hmac.digest(self._secret, query.encode() + b"\0" + payload, hashlib.sha256)[:_TAG_BYTES]


def _invalid() -> InvalidCursor:
    return InvalidCursor(
        "Send next_cursor of the previous page of the same list.",
        errors=(
            FieldError(
                pointer="/cursor", code="cursor_invalid", detail="The cursor was changed or belongs to another list."
            ),
        ),
    )
