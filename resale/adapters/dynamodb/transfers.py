"""Transfers in DynamoDB: the one mapping of a transfer, beside its order, and its repository."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.balances import balance_keys
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.ids import CustomerId, OrderId, TransferId
from resale.domain.tenants import Tenant
from resale.domain.transfers import SCHEMA, Transfer, TransferChanged, TransferNotFound, TransferStatus

TRANSFERS: Final = DocumentKind(Transfer, schema=SCHEMA)


def transfer_noun(tenant: Tenant) -> Noun[Transfer]:
    """Say how a tenant's transfers lie in its table."""
    return Noun(
        kind=TRANSFERS,
        table=tenant.resources.tables.orders,
        rank=5,
        key=lambda transfer: keys.order_part_key(transfer.order_id, transfer.id),
        index_keys=_index_keys,
        not_found=TransferNotFound,
        changed=TransferChanged,
    )


def _index_keys(transfer: Transfer) -> Mapping[str, str]:
    listed = balance_keys(transfer.seller_id, transfer.created_at, transfer.id)
    if transfer.status == TransferStatus.HELD:
        partition, since = keys.held_transfers_of(transfer.seller_id), transfer.created_at
    elif transfer.status == TransferStatus.AVAILABLE and transfer.available_at is not None:
        partition, since = keys.transfers_of(transfer.seller_id), transfer.available_at
    else:
        return listed
    return {
        **listed,
        keys.ORDERS_BY_SELLER.partition: partition,
        keys.ORDERS_BY_SELLER.sort: keys.moment_sort(since, transfer.id),
    }


class DynamoDBTransfers(AuditedRepository[Transfer]):
    """Keeps ``resale.application.ports.TransferRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, transfer_noun(scope.tenant))

    def get(self, order_id: OrderId, transfer_id: TransferId) -> Transfer:
        """Read one, consistently."""
        return self.load(keys.order_part_key(order_id, transfer_id))

    def list_available(self, seller_id: CustomerId, *, limit: int) -> tuple[Transfer, ...]:
        """Find a seller's open transfers by the index, and read each one as it is."""
        found, _ = self._scope.db.query(
            table=self._noun.table,
            index=keys.ORDERS_BY_SELLER.name,
            condition=f"{keys.ORDERS_BY_SELLER.partition} = :seller",
            values={":seller": keys.transfers_of(seller_id)},
            limit=limit,
            forward=True,
            start=None,
        )
        read = (self.get(OrderId(str(item["pk"])), TransferId(str(item["sk"]))) for item in found)
        return tuple(transfer for transfer in read if transfer.status == TransferStatus.AVAILABLE)
