"""Look-ups of idempotency keys."""

from resale.application.ports import IdempotencyMismatch, Reader
from resale.domain.command_context import CommandKey
from resale.errors import FieldError


def find_replayed_entity(*, reader: Reader, key: CommandKey) -> str | None:
    """Return the id of the entity that a key created before; None for a new key.

    Raises:
        IdempotencyMismatch: The key was used with a body that means something else. A record of a release that did
            not keep the meaning compares bytes.
        Unavailable: The store did not respond in time.
    """
    record = reader.find_idempotency_record(key.key)
    if record is None:
        return None
    check_same_request(key=key, request_hash=record.request_hash, meaning_hash=record.meaning_hash)
    return record.entity_id


def check_same_request(*, key: CommandKey, request_hash: str, meaning_hash: str | None) -> None:
    """Require that a key comes with the request that it came with before. Raises IdempotencyMismatch."""
    if request_hash != key.request_hash and meaning_hash != key.meaning_hash:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used with another body.",
            errors=(
                FieldError(pointer="/headers/Idempotency-Key", code="idempotency_key_reused", detail="Use a new key."),
            ),
        )
