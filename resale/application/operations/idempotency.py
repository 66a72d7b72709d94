"""Keyed commands: what a key stands for, and the record an operation commits with its work."""

import hashlib
from datetime import timedelta
from typing import Final

import msgspec

from resale.application.ports import IdempotencyMismatch, IdempotencyRecord, UnitOfWork
from resale.errors import FieldError

KEPT_FOR: Final = timedelta(hours=24)  # DOMAIN.md, REST conventions


class CommandKey(msgspec.Struct, frozen=True, kw_only=True):
    """A client's key for one command. ``key`` is a hash of who, what and the client's text.

    ``request_hash`` is of the body's bytes, ``meaning_hash`` of what it means.
    """

    key: str
    request_hash: str
    meaning_hash: str


def command_key(*, caller: str, command: str, client_key: str, body: bytes, meaning: bytes | None = None) -> CommandKey:
    """Bind a client's key to who says it and to what; neither is stored in the clear.

    Args:
        caller: What tells callers apart (never personal data in the clear beyond this call).
        command: Name of the operation.
        client_key: The Idempotency-Key header, 1-255 characters.
        body: The raw request body.
        meaning: The body in canonical form: equal for bodies that differ only in how they are
            written. Without it the bytes are what is meant.
    """
    parts = (caller, command, client_key)
    bound = b"".join(b"%d:%s" % (len(part), part) for part in map(str.encode, parts))
    return CommandKey(
        key=hashlib.sha256(bound).hexdigest(),
        request_hash=hashlib.sha256(body).hexdigest(),
        meaning_hash=hashlib.sha256(body if meaning is None else meaning).hexdigest(),
    )


def record_command(uow: UnitOfWork, *, key: CommandKey | None, entity_id: str) -> None:
    """Buffer the record that this command made ``entity_id``; nothing without a key."""
    if key is None:
        return
    uow.idempotency.add(
        IdempotencyRecord(
            key=key.key,
            request_hash=key.request_hash,
            meaning_hash=key.meaning_hash,
            entity_id=entity_id,
            version=1,
            transaction_id=uow.transaction_id,
        ),
        kept_for=KEPT_FOR,
    )


def replayed_entity(*, record: IdempotencyRecord | None, key: CommandKey) -> str | None:
    """Say what a key made before; None when it is new.

    Raises:
        IdempotencyMismatch: The key was used with a body that means something else. A record of a release that did
            not keep the meaning compares bytes.
    """
    if record is None:
        return None
    is_same = record.request_hash == key.request_hash or record.meaning_hash == key.meaning_hash
    if not is_same:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used with another body.",
            errors=(
                FieldError(pointer="/headers/Idempotency-Key", code="idempotency_key_reused", detail="Use a new key."),
            ),
        )
    return record.entity_id
