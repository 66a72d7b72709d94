"""Idempotency records, committed with the work of an operation."""

from datetime import timedelta
from typing import Final

from resale.application.ports import IdempotencyRecord, UnitOfWork

KEPT_FOR: Final = timedelta(hours=24)  # DOMAIN.md, REST conventions


def record_command(uow: UnitOfWork, *, entity_id: str) -> None:
    """Buffer the record that this command created ``entity_id``; does nothing without an idempotency key."""
    key = uow.context.key
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
