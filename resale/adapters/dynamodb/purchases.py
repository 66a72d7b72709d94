"""Past purchases in DynamoDB: the one mapping of a purchase, and its repository; its version guards what is claimed."""

from collections.abc import Mapping
from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.ids import PurchaseId
from resale.domain.purchases import SCHEMA, Purchase, PurchaseChanged, PurchaseNotFound
from resale.domain.tenants import Tenant

PURCHASES: Final = DocumentKind(Purchase, schema=SCHEMA)


def purchase_noun(tenant: Tenant) -> Noun[Purchase]:
    """Say how a tenant's purchases lie in its table."""
    return Noun(
        kind=PURCHASES,
        table=tenant.resources.tables.orders,
        rank=5,
        key=lambda purchase: keys.purchase_key(purchase.id),
        index_keys=_index_keys,
        not_found=PurchaseNotFound,
        changed=PurchaseChanged,
    )


def _index_keys(purchase: Purchase) -> Mapping[str, str]:
    return {
        keys.ORDERS_BY_BUYER.partition: keys.purchases_of(purchase.customer_id),
        keys.ORDERS_BY_BUYER.sort: keys.moment_sort(purchase.purchased_at, purchase.id),
    }


class DynamoDBPurchases(AuditedRepository[Purchase]):
    """Keeps ``resale.application.ports.PurchaseRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, purchase_noun(scope.tenant))

    def find(self, purchase_id: PurchaseId) -> Purchase | None:
        """Read one that may not be there, consistently."""
        return self.find_at(keys.purchase_key(purchase_id))
