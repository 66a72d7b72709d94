"""The test clock of a sandbox tenant in DynamoDB: one item beside the customers. A live tenant reads nothing."""

from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Scope
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import ITEM_ATTRIBUTES, EntityMapping
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.domain.clocks import SCHEMA, Clock, ClockNotFound, SandboxOnly
from resale.domain.entities import TEST_CLOCK
from resale.domain.ids import ClockId
from resale.domain.tenants import Tenant

CLOCKS: Final = DocumentKind(Clock, schema=SCHEMA)
CLOCK_MAPPING: Final = EntityMapping[ClockId, Clock](
    entity_type=TEST_CLOCK,
    documents=CLOCKS,
    rank=4,
    key=lambda _parent_id, _clock_id: keys.test_clock_key(),
)


def find_item(db: DynamoDB, tenant: Tenant) -> Item | None:
    """Return the item of the tenant's test clock, from a consistent read; None if there is none.

    Raises:
        SandboxOnly: A live tenant; its table is not even asked.
        Unavailable: The data store did not respond in time. Retry later.
    """
    if not tenant.sandbox:
        raise SandboxOnly("Only sandbox shops have a test clock.")
    return db.get_item(table=CLOCK_MAPPING.table(tenant), key=dict(keys.test_clock_key()), attributes=ITEM_ATTRIBUTES)


class DynamoDBClocks(AuditedRepository[Clock]):
    """Implements ``resale.application.ports.ClockRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, CLOCK_MAPPING)

    def find(self) -> Clock | None:
        """Return the tenant's test clock, from a consistent read; None if there is none."""
        item = find_item(self._scope.db, self._scope.tenant)
        return None if item is None else self.remember(item)

    def get(self, clock_id: ClockId) -> Clock:
        """Return the test clock with this id, from a consistent read."""
        clock = self.find()
        if clock is None or clock.id != clock_id:
            raise ClockNotFound("This shop has no test clock. Create one first.")
        return clock


class ClockReads(TenantReads):
    """Implements ``resale.application.ports.clocks.ClockReads``."""

    def find_test_clock(self) -> Clock | None:
        """Return the test clock, from a consistent read; None if there is none."""
        item = find_item(self._db, self.tenant)
        return None if item is None else CLOCKS.from_doc(str(item["doc"]), private=None)
