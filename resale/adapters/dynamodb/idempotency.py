"""Idempotency records, written in the operation's own transaction, without a body, expired after a day."""

import time
from datetime import timedelta

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import Scope
from resale.adapters.dynamodb.buffer import Write
from resale.adapters.dynamodb.client import DynamoDB
from resale.application.ports import IdempotencyConflict, IdempotencyInProgress, IdempotencyRecord
from resale.domain.tenants import Tenant


def find_record(db: DynamoDB, tenant: Tenant, key: str) -> IdempotencyRecord | None:
    """Return a record, from a consistent read; an expired one counts until DynamoDB deletes it."""
    item = db.get_item(table=tenant.resources.tables.idempotency, key=dict(keys.idempotency_key(key)))
    if item is None:
        return None
    return IdempotencyRecord(
        key=key,
        request_hash=str(item["request_hash"]),
        meaning_hash=None if (meaning := item.get("meaning_hash")) is None else str(meaning),
        entity_id=str(item["entity_id"]),
        version=int(str(item["version"])),
        transaction_id=str(item["transaction_id"]),
    )


class DynamoDBIdempotency:
    """Implements ``resale.application.ports.IdempotencyRepository``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def find(self, key: str) -> IdempotencyRecord | None:
        """Return a record, from a consistent read; None if there is none."""
        return find_record(self._scope.db, self._scope.tenant, key)

    def add(self, record: IdempotencyRecord, *, kept_for: timedelta) -> None:
        """Buffer a record; a known key fails the commit. DynamoDB's TTL is Unix time, so the wall clock's."""
        scope = self._scope
        scope.writes.append(
            Write(
                table=scope.tenant.resources.tables.idempotency,
                item={
                    **keys.idempotency_key(record.key),
                    "request_hash": record.request_hash,
                    **({} if record.meaning_hash is None else {"meaning_hash": record.meaning_hash}),
                    "entity_id": record.entity_id,
                    "version": record.version,
                    "transaction_id": record.transaction_id,
                    "expires_at": int(time.time() + kept_for.total_seconds()),
                },
                expected_version=None,
                refused=lambda _found: IdempotencyConflict("A request with this Idempotency-Key was completed before."),
                contended=lambda _found: IdempotencyInProgress(
                    "The first request with this Idempotency-Key has not finished. Retry in a moment."
                ),
                mark=record.transaction_id,
                rank=0,
            )
        )
