"""Look-up items of partners' references in DynamoDB: written once, in a table without a stream."""

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import Scope
from resale.adapters.dynamodb.buffer import Write
from resale.application.ports import ReferenceTaken
from resale.errors import Contended


class DynamoDBReferences:
    """Implements ``resale.application.ports.ReferenceRepository``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def find(self, *, provider: str, reference: str) -> str | None:
        """Return the id behind a partner's reference, from a consistent read; None if it is unknown."""
        table = self._scope.tenant.resources.tables.lookups
        item = self._scope.db.get_item(table=table, key=dict(keys.reference_key(provider, reference)))
        return None if item is None else str(item["entity_id"])

    def add(self, *, provider: str, reference: str, entity_id: str) -> None:
        """Buffer a look-up item in the commit that learned the reference; duplicates are buffered once."""
        scope = self._scope
        write = Write(
            table=scope.tenant.resources.tables.lookups,
            item={
                **keys.reference_key(provider, reference),
                "entity_id": entity_id,
                "transaction_id": scope.transaction_id,
            },
            expected_version=None,
            same="entity_id",
            refused=lambda _found: ReferenceTaken(f"This {provider} reference belongs to another object."),
            contended=lambda _found: Contended(
                "Too many requests record this reference at the same time. Retry later."
            ),
            mark=scope.transaction_id,
            rank=5,
        )
        if not any(known.table == write.table and known.item == write.item for known in scope.writes):
            scope.writes.append(write)
