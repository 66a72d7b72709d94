"""Claims in DynamoDB: the one mapping of a claim, beside its order, and its lists."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, own_key
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.application.ports import Page
from resale.domain.claims import CLAIMS as TABLE
from resale.domain.claims import SCHEMA, Claim
from resale.domain.entities import CLAIM
from resale.domain.ids import CLAIM_ID, ORDER_ID, ClaimId, CustomerId

CLAIMS: Final = DocumentKind(Claim, schema=SCHEMA)


def _key(entity_id: str) -> keys.Key:
    """Key of a claim, from its id or its order's: they have the same number."""
    return keys.order_part_key(ORDER_ID.sibling_of(entity_id), CLAIM_ID.sibling_of(entity_id))


def _index_keys(claim: Claim, shards: int) -> Mapping[str, str]:
    found = {keys.ORDERS_BY_BUYER.partition: keys.claims_of(claim.buyer_id), keys.ORDERS_BY_BUYER.sort: claim.id}
    if claim.status not in TABLE.final:
        found[keys.ORDERS_RECENT.partition] = keys.open_claims(keys.shard_of(claim.id, shards))
        found[keys.ORDERS_RECENT.sort] = claim.id
    return {**found, **keys.due_keys(claim.id, claim.due_at, shards)}


CLAIM_MAPPING: Final = EntityMapping[ClaimId, Claim](
    entity_type=CLAIM,
    documents=CLAIMS,
    rank=4,
    key=own_key(_key),
    index_keys=_index_keys,
)


class ClaimReads(TenantReads):
    """Keeps ``resale.application.ports.claims.ClaimReads``."""

    def list_open_claims(self, *, limit: int, cursor: str | None) -> Page:
        """Claims that are not closed, newest first."""
        partitions = tuple(keys.open_claims(shard) for shard in self._shards)
        query = self._query(CLAIM_MAPPING, keys.ORDERS_RECENT, partitions)
        return self._page(CLAIM_MAPPING, query, limit=limit, cursor=cursor)

    def list_buyer_claims(self, *, buyer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """A buyer's claims, newest first."""
        query = self._query(CLAIM_MAPPING, keys.ORDERS_BY_BUYER, (keys.claims_of(buyer_id),))
        return self._page(CLAIM_MAPPING, query, limit=limit, cursor=cursor)
