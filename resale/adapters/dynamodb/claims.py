"""Claims in DynamoDB: the mapping of a claim, stored beside its order, and its lists."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, ListIndex
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.application.ports import Page
from resale.domain.claims import CLAIMS as TABLE
from resale.domain.claims import SCHEMA, Claim
from resale.domain.entities import CLAIM
from resale.domain.ids import CLAIM_ID, ORDER_ID, ClaimId

CLAIMS: Final = DocumentKind(Claim, schema=SCHEMA)


def _key(entity_id: str) -> keys.Key:
    """Return the key of a claim from its id or its order's: they have the same number."""
    return keys.part_key(ORDER_ID.sibling_of(entity_id), CLAIM_ID.sibling_of(entity_id))


def _index_keys(claim: Claim, shards: int) -> Mapping[str, str]:
    if claim.status in TABLE.final:
        return {}
    partition = keys.open_claims(keys.shard_of(claim.id, shards))
    return {keys.ORDERS_RECENT.partition: partition, keys.ORDERS_RECENT.sort: claim.id}


CLAIM_MAPPING: Final = EntityMapping[ClaimId, Claim](
    entity_type=CLAIM,
    documents=CLAIMS,
    rank=4,
    key=lambda _parent_id, claim_id: _key(claim_id),
    lists=(ListIndex("buyer_id", keys.ORDERS_BY_BUYER, "claims"),),
    index_keys=_index_keys,
)


class ClaimReads(TenantReads):
    """Implements ``resale.application.ports.claims.ClaimReads``."""

    def list_open_claims(self, *, limit: int, cursor: str | None) -> Page:
        """List the claims that are not closed, newest first."""
        partitions = tuple(keys.open_claims(shard) for shard in self._shards)
        query = self._query(CLAIM_MAPPING, keys.ORDERS_RECENT, partitions)
        return self._page(CLAIM_MAPPING, query, limit=limit, cursor=cursor)
