"""A sandbox tenant's test clock in DynamoDB: one item beside the customers. For a live tenant nothing is read."""

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import ITEM_ATTRIBUTES, AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.clocks import SCHEMA, Clock, ClockChanged, ClockNotFound, SandboxOnly
from resale.domain.ids import ClockId
from resale.domain.tenants import Tenant

CLOCKS = DocumentKind(Clock, schema=SCHEMA)


def clock_noun(tenant: Tenant) -> Noun[Clock]:
    """Say how a tenant's test clock lies in its table."""
    return Noun(
        kind=CLOCKS,
        table=tenant.resources.tables.customers,
        rank=4,
        key=lambda _clock: keys.test_clock_key(),
        index_keys=lambda _clock: {},
        not_found=ClockNotFound,
        changed=ClockChanged,
    )


def find_item(db: DynamoDB, tenant: Tenant) -> Item | None:
    """Read the item of the tenant's test clock, consistently; None when there is none.

    Raises:
        SandboxOnly: A live tenant; its table is not even asked.
        Unavailable: The store did not answer in time.
    """
    if not tenant.sandbox:
        raise SandboxOnly("Only a sandbox shop has a test clock.")
    return db.get_item(
        table=tenant.resources.tables.customers, key=dict(keys.test_clock_key()), attributes=ITEM_ATTRIBUTES
    )


class DynamoDBClocks(AuditedRepository[Clock]):
    """Keeps ``resale.application.ports.ClockRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, clock_noun(scope.tenant))

    def find(self) -> Clock | None:
        """Read the tenant's test clock, consistently."""
        item = find_item(self._scope.db, self._scope.tenant)
        return None if item is None else self.remember(item)

    def get(self, clock_id: ClockId) -> Clock:
        """Read it by its id, consistently."""
        clock = self.find()
        if clock is None or clock.id != clock_id:
            raise ClockNotFound("No such test clock.")
        return clock
