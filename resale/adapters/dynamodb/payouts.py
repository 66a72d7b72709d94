"""Payouts in DynamoDB: the mapping of a payout, and its lists."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.balances import balance_keys
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, ListIndex, own_key
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.application.ports import Page
from resale.domain.entities import PAYOUT
from resale.domain.ids import PayoutId
from resale.domain.payouts import SCHEMA, Payout

PAYOUTS: Final = DocumentKind(Payout, schema=SCHEMA)


def _index_keys(payout: Payout, shards: int) -> Mapping[str, str]:
    return {
        **balance_keys(payout.seller_id, payout.created_at, payout.id),
        keys.ORDERS_RECENT.partition: keys.all_payouts(keys.shard_of(payout.id, shards)),
        keys.ORDERS_RECENT.sort: payout.id,
    }


PAYOUT_MAPPING: Final = EntityMapping[PayoutId, Payout](
    entity_type=PAYOUT,
    documents=PAYOUTS,
    rank=1,
    key=own_key(PAYOUT),
    lists=(ListIndex("seller_id", keys.ORDERS_BY_SELLER, "payouts"),),
    index_keys=_index_keys,
)


class PayoutReads(TenantReads):
    """Implements ``resale.application.ports.payouts.PayoutReads``."""

    def list_recent_payouts(self, *, limit: int, cursor: str | None) -> Page:
        """List all payouts, newest first."""
        partitions = tuple(keys.all_payouts(shard) for shard in self._shards)
        query = self._query(PAYOUT_MAPPING, keys.ORDERS_RECENT, partitions)
        return self._page(PAYOUT_MAPPING, query, limit=limit, cursor=cursor)
