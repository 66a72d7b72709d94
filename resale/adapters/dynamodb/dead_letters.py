"""Dead letters in DynamoDB, and the notes of failures, which are in the table without a stream."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import msgspec

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import DynamoDBRepository, Scope
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, own_key
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.domain.dead_letters import (
    SCHEMA,
    DeadLetter,
    FailureNote,
    FailureOutcome,
)
from resale.domain.entities import DEAD_LETTER
from resale.domain.ids import DeadLetterId
from resale.domain.tenants import Tenant

DEAD_LETTERS: Final = DocumentKind(DeadLetter, schema=SCHEMA)
DEAD_LETTER_MAPPING: Final = EntityMapping[DeadLetterId, DeadLetter](
    entity_type=DEAD_LETTER,
    documents=DEAD_LETTERS,
    rank=5,
    key=own_key(DEAD_LETTER),
)

NOTE_KEPT_FOR: Final = timedelta(days=21)  # SQS keeps a message 14 days; a week more to look at it
_REFUSAL_SLOTS: Final = 8  # the same message always falls into the same one; two messages rarely do
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(FailureNote).decode


class DynamoDBDeadLetters(DynamoDBRepository[DeadLetterId, DeadLetter]):
    """Implements ``resale.application.ports.DeadLetterRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, DEAD_LETTER_MAPPING)

    def find_failure(self, message_id: str) -> FailureNote | None:
        """Return the note of a message's newest failed delivery; None if there is none."""
        return DynamoDBFailures(self._scope.db, self._scope.tenant).find(message_id)


class DeadLetterReads(TenantReads):
    """Implements ``resale.application.ports.dead_letters.DeadLetterReads``."""

    def find_failure(self, message_id: str) -> FailureNote | None:
        """Return the note of a message's newest failed delivery; None if there is none."""
        return DynamoDBFailures(self._db, self.tenant).find(message_id)

    def list_refusals(self, entity_id: str) -> tuple[FailureNote, ...]:
        """List the notes of the last refusals of an entity, oldest first."""
        return DynamoDBFailures(self._db, self.tenant).list_refusals(entity_id)


class DynamoDBFailures:
    """Implements ``resale.application.ports.FailureLog``, and reads it."""

    def __init__(self, db: DynamoDB, tenant: Tenant, *, release: str = "") -> None:
        self._db = db
        self._table = tenant.resources.tables.idempotency
        self._release = release

    def record(self, note: FailureNote) -> None:
        """Store a note, replacing the note of the message's previous delivery."""
        note = msgspec.structs.replace(note, release=self._release)
        expires_at = int((note.at + NOTE_KEPT_FOR).timestamp())
        item: Item = {**_key_of(note), "note": _encode(note).decode(), "expires_at": expires_at}
        self._db.put_item(table=self._table, item=item, condition=None)

    def find(self, message_id: str) -> FailureNote | None:
        """Return the note of a message's newest failed delivery; None if there is none."""
        return self._read(keys.failure_key(message_id))

    def list_refusals(self, entity_id: str) -> tuple[FailureNote, ...]:
        """List the notes of refusals of an entity, oldest first."""
        return tuple(sorted(self._refusals(entity_id), key=lambda note: note.at))

    def _refusals(self, entity_id: str) -> Iterator[FailureNote]:
        for slot in range(_REFUSAL_SLOTS):
            note = self._read(keys.refusal_key(entity_id, slot))
            if note is not None:
                yield note

    def _read(self, key: keys.Key) -> FailureNote | None:
        item = self._db.get_item(table=self._table, key=dict(key), attributes=("note",))
        return None if item is None else _decode(str(item["note"]))


def _key_of(note: FailureNote) -> keys.Key:
    if note.outcome == FailureOutcome.REFUSED and note.entity_ids:
        return keys.refusal_key(note.entity_ids[-1], keys.shard_of(note.message_id, _REFUSAL_SLOTS))
    return keys.failure_key(note.message_id)
