"""A change: what the last write to an item was, chained by hash to the one before.

The committed write is the message, so a change is stored in the item it describes. The hash covers the
exact stored bytes, so history can be verified without knowing what they mean.
"""

import hashlib
from datetime import datetime

import msgspec

from resale.domain.actors import Actor

GENESIS_HASH = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One link of an entity's history. ``at`` is aware UTC; hashes are lower-case hex SHA-256."""

    id: str
    type: str
    actor: Actor
    request_id: str
    transaction_id: str
    at: datetime
    reason_code: str | None = None
    prev_hash: str = GENESIS_HASH
    hash: str = ""


def hash_change(*, entity_id: str, version: int, change: Change, doc: str, private: str | None) -> str:
    """Compute the link: SHA-256 of prev_hash, id, version, the change without its hash, doc and private.

    Parts are length-prefixed, so no two different inputs share one byte string.
    """
    unhashed = msgspec.structs.replace(change, hash="")
    digest = hashlib.sha256()
    for part in (change.prev_hash, entity_id, str(version), encode_change(unhashed), doc, private or ""):
        raw = part.encode()
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
    return digest.hexdigest()


def encode_change(change: Change) -> str:
    """Write a change as the JSON string an item stores; field order is the struct's, always."""
    return _ENCODER.encode(change).decode()


def decode_change(raw: str) -> Change:
    """Read a stored change."""
    return _DECODER.decode(raw)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Change)
