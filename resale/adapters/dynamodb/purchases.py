"""Past purchases in DynamoDB: the mapping of a purchase, whose version guards the claimed units, and its lists."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, own_key
from resale.adapters.dynamodb.tenant_reads import TenantReads
from resale.application.ports import Page
from resale.domain.entities import PURCHASE
from resale.domain.ids import CustomerId, PurchaseId
from resale.domain.purchases import SCHEMA, Purchase

PURCHASES: Final = DocumentKind(Purchase, schema=SCHEMA)


def _index_keys(purchase: Purchase, _shards: int) -> Mapping[str, str]:
    return {
        keys.ORDERS_BY_BUYER.partition: keys.purchases_of(purchase.customer_id),
        keys.ORDERS_BY_BUYER.sort: keys.moment_sort(purchase.purchased_at, purchase.id),
    }


PURCHASE_MAPPING: Final = EntityMapping[PurchaseId, Purchase](
    entity_type=PURCHASE,
    documents=PURCHASES,
    rank=5,
    key=own_key(PURCHASE),
    index_keys=_index_keys,
)


class PurchaseReads(TenantReads):
    """Implements ``resale.application.ports.purchases.PurchaseReads``."""

    def list_customer_purchases(self, *, customer_id: CustomerId, limit: int, cursor: str | None) -> Page:
        """List a customer's past purchases, newest first."""
        query = self._query(PURCHASE_MAPPING, keys.ORDERS_BY_BUYER, (keys.purchases_of(customer_id),))
        return self._page(PURCHASE_MAPPING, query, limit=limit, cursor=cursor)
