"""Transfers in DynamoDB: the mapping of a transfer, stored beside its order, and its repository."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Scope
from resale.adapters.dynamodb.balances import BalanceReads, balance_keys
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping
from resale.adapters.dynamodb.payouts import PAYOUT_MAPPING
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.application.ports import Document, Page
from resale.domain.entities import PAYOUT, TRANSFER
from resale.domain.ids import TRANSFER_ID, CustomerId, OrderId, TransferId
from resale.domain.orders import MAX_REFUNDS
from resale.domain.transfers import SCHEMA, Transfer, TransferStatus

TRANSFERS: Final = DocumentKind(Transfer, schema=SCHEMA)
_TRANSFERS_MAX: Final = 2 * MAX_REFUNDS + 10  # of one order: each refund takes one back, and can give it back


def _index_keys(transfer: Transfer, _shards: int) -> Mapping[str, str]:
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


TRANSFER_MAPPING: Final = EntityMapping[TransferId, Transfer](
    entity_type=TRANSFER,
    documents=TRANSFERS,
    rank=5,
    key=keys.part_key,
    index_keys=_index_keys,
)


class DynamoDBTransfers(AuditedRepository[Transfer]):
    """Implements ``resale.application.ports.TransferRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, TRANSFER_MAPPING)

    def get(self, order_id: OrderId, transfer_id: TransferId) -> Transfer:
        """Return a transfer, from a consistent read."""
        return self.load(keys.part_key(order_id, transfer_id))

    def list_of_order(self, order_id: OrderId) -> tuple[Transfer, ...]:
        """Return the transfers of an order, from a consistent read."""
        return tuple(map(self.remember, _items_of(self._scope.db, self._table, order_id)))

    def list_available(self, seller_id: CustomerId, *, limit: int) -> tuple[Transfer, ...]:
        """Find a seller's open transfers by the index; return each one from a consistent read."""
        found, _ = self._scope.db.query(
            table=self._table,
            index=keys.ORDERS_BY_SELLER.name,
            condition=f"{keys.ORDERS_BY_SELLER.partition} = :seller",
            values={":seller": keys.transfers_of(seller_id)},
            limit=limit,
            forward=True,
            start=None,
        )
        read = (self.get(OrderId(str(item["pk"])), TransferId(str(item["sk"]))) for item in found)
        return tuple(transfer for transfer in read if transfer.status == TransferStatus.AVAILABLE)


class TransferReads(TenantReads):
    """Implements ``resale.application.ports.transfers.TransferReads``."""

    def list_transfers(self, order_id: OrderId) -> tuple[Transfer, ...]:
        """Return the transfers of an order, from a consistent read."""
        return tuple(
            map(TRANSFER_MAPPING.from_item, _items_of(self._db, TRANSFER_MAPPING.table(self.tenant), order_id))
        )

    def iter_held_transfers(self, seller_id: CustomerId) -> Iterator[Transfer]:
        """Iterate over a seller's transfers whose order is not completed, oldest first."""
        for item in self._balances.iter_partition(keys.held_transfers_of(seller_id)):
            yield TRANSFERS.from_doc(str(item["doc"]), private=None)

    def iter_available_transfers(self, seller_id: CustomerId) -> Iterator[Transfer]:
        """Iterate over a seller's transfers that no payout settled, oldest first."""
        for item in self._balances.iter_partition(keys.transfers_of(seller_id)):
            yield TRANSFERS.from_doc(str(item["doc"]), private=None)

    def list_balance_transactions(self, *, seller_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List a seller's transfers and payouts, newest first."""
        items, next_cursor = self._balances.page(seller_id, limit=limit, cursor=cursor)
        return Page(documents=tuple(map(_balance_document, items)), next_cursor=next_cursor)

    @property
    def _balances(self) -> BalanceReads:
        return BalanceReads(self._db, self.tenant, self._cursors)


def _items_of(db: DynamoDB, table: str, order_id: OrderId) -> Sequence[Item]:
    items, _ = db.query(
        table=table,
        index=None,
        condition="pk = :order AND begins_with(sk, :prefix)",
        values={":order": order_id, ":prefix": keys.part_prefix(TRANSFER_ID)},
        limit=_TRANSFERS_MAX,
        forward=True,
        consistent=True,
    )
    return items


def _balance_document(item: Item) -> Document:
    pk, sk = str(item["pk"]), str(item["sk"])
    return PAYOUT_MAPPING.to_document(pk, item) if PAYOUT.id.matches(pk) else TRANSFER_MAPPING.to_document(sk, item)
