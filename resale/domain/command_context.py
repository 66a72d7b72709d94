"""The context of a command: actor, time, idempotency key and expected version."""

import hashlib
from datetime import datetime

import msgspec

from resale.domain.access import Principal
from resale.domain.actors import Actor


class CommandKey(msgspec.Struct, frozen=True, kw_only=True):
    """The idempotency key of a command. ``key`` is a hash of caller, command and the client's text.

    ``request_hash`` is of the body's bytes, ``meaning_hash`` of what it means.
    """

    key: str
    request_hash: str
    meaning_hash: str


class CommandContext(msgspec.Struct, frozen=True, kw_only=True):
    """The context that an entrypoint creates and opens the unit of work with.

    Attributes:
        actor: Recorded in every change.
        principal: Whose permissions count. None for a step of the platform's own, which needs none, and for a shopper
            whose customer the operation finds or makes (``UnitOfWork.act_as``).
        request_id: Recorded in every change.
        now: The moment of the command, aware UTC, in the tenant's time.
        key: The client's Idempotency-Key, or None.
        expected_version: What the client read (If-Match), or None.
    """

    actor: Actor
    principal: Principal | None = None
    request_id: str
    now: datetime
    key: CommandKey | None = None
    expected_version: int | None = None


def command_key(*, caller: str, command: str, client_key: str, body: bytes, meaning: bytes | None = None) -> CommandKey:
    """Bind a client's key to its caller and command; neither is stored in plain text.

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
