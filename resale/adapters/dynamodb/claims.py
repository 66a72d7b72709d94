"""Claims in DynamoDB: the one mapping of a claim, beside its order, and its repository."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.claims import CLAIMS as TABLE
from resale.domain.claims import SCHEMA, Claim, ClaimChanged, ClaimNotFound
from resale.domain.ids import ClaimId, sibling
from resale.domain.tenants import Tenant

CLAIMS: Final = DocumentKind(Claim, schema=SCHEMA)


def claim_key(claim_id: ClaimId) -> keys.Key:
    """Key of a claim: its number is its order's."""
    return keys.order_part_key(sibling("ord", claim_id), claim_id)


def claim_noun(tenant: Tenant) -> Noun[Claim]:
    """Say how a tenant's claims lie in its table."""
    shards = tenant.resources.index_shards
    return Noun(
        kind=CLAIMS,
        table=tenant.resources.tables.orders,
        rank=4,
        key=lambda claim: claim_key(claim.id),
        index_keys=lambda claim: _index_keys(claim, shards),
        not_found=ClaimNotFound,
        changed=ClaimChanged,
    )


def _index_keys(claim: Claim, shards: int) -> Mapping[str, str]:
    found = {keys.ORDERS_BY_BUYER.partition: keys.claims_of(claim.buyer_id), keys.ORDERS_BY_BUYER.sort: claim.id}
    if claim.status not in TABLE.final:
        found[keys.ORDERS_RECENT.partition] = keys.open_claims(keys.shard_of(claim.id, shards))
        found[keys.ORDERS_RECENT.sort] = claim.id
    return {**found, **keys.due_keys(claim.id, claim.due_at, shards)}


class DynamoDBClaims(AuditedRepository[Claim]):
    """Keeps ``resale.application.ports.ClaimRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, claim_noun(scope.tenant))

    def get(self, claim_id: ClaimId) -> Claim:
        """Read one, consistently."""
        return self.load(claim_key(claim_id))

    def find(self, claim_id: ClaimId) -> Claim | None:
        """Read one that may not be there, consistently."""
        return self.find_at(claim_key(claim_id))
