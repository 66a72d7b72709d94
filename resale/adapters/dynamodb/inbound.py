"""Inbound events in DynamoDB: the one mapping of one, and their repository."""

from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.ids import InboundId
from resale.domain.inbound import SCHEMA, Inbound, InboundChanged, InboundNotFound
from resale.domain.tenants import Tenant

INBOUND_EVENTS: Final = DocumentKind(Inbound, schema=SCHEMA)


def inbound_noun(tenant: Tenant) -> Noun[Inbound]:
    """Say how what a tenant's partners told lies in its orders table."""
    shards = tenant.resources.index_shards
    return Noun(
        kind=INBOUND_EVENTS,
        table=tenant.resources.tables.orders,
        rank=4,
        key=lambda inbound: keys.inbound_key(inbound.id),
        index_keys=lambda inbound: keys.due_keys(inbound.id, inbound.due_at, shards),
        not_found=InboundNotFound,
        changed=InboundChanged,
    )


class DynamoDBInbound(AuditedRepository[Inbound]):
    """Keeps ``resale.application.ports.InboundRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, inbound_noun(scope.tenant))

    def get(self, inbound_id: InboundId) -> Inbound:
        """Read one, consistently."""
        return self.load(keys.inbound_key(inbound_id))
