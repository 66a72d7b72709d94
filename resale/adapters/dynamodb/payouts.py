"""Payouts in DynamoDB: the one mapping of a payout, and its repository."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.balances import balance_keys
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.ids import PayoutId
from resale.domain.payouts import SCHEMA, Payout, PayoutChanged, PayoutNotFound
from resale.domain.tenants import Tenant

PAYOUTS: Final = DocumentKind(Payout, schema=SCHEMA)


def payout_noun(tenant: Tenant) -> Noun[Payout]:
    """Say how a tenant's payouts lie in its table."""
    shards = tenant.resources.index_shards
    return Noun(
        kind=PAYOUTS,
        table=tenant.resources.tables.orders,
        rank=1,
        key=lambda payout: keys.payout_key(payout.id),
        index_keys=lambda payout: _index_keys(payout, shards),
        not_found=PayoutNotFound,
        changed=PayoutChanged,
    )


def _index_keys(payout: Payout, shards: int) -> Mapping[str, str]:
    return {
        **balance_keys(payout.seller_id, payout.created_at, payout.id),
        keys.ORDERS_BY_SELLER.partition: keys.payouts_of(payout.seller_id),
        keys.ORDERS_BY_SELLER.sort: payout.id,
        keys.ORDERS_RECENT.partition: keys.all_payouts(keys.shard_of(payout.id, shards)),
        keys.ORDERS_RECENT.sort: payout.id,
        **keys.due_keys(payout.id, payout.due_at, shards),
    }


class DynamoDBPayouts(AuditedRepository[Payout]):
    """Keeps ``resale.application.ports.PayoutRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, payout_noun(scope.tenant))

    def get(self, payout_id: PayoutId) -> Payout:
        """Read one, consistently."""
        return self.load(keys.payout_key(payout_id))
