"""Sellers' accounts in DynamoDB: the one mapping of an account, and its repository; its version guards the balance."""

from typing import Final

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Noun, Scope
from resale.adapters.dynamodb.documents import DocumentKind
from resale.domain.ids import SellerId
from resale.domain.sellers import SCHEMA, Seller, SellerChanged, SellerNotFound
from resale.domain.tenants import Tenant

SELLERS: Final = DocumentKind(Seller, schema=SCHEMA)


def seller_noun(tenant: Tenant) -> Noun[Seller]:
    """Say how a tenant's seller accounts lie in its table."""
    shards = tenant.resources.index_shards
    return Noun(
        kind=SELLERS,
        table=tenant.resources.tables.orders,
        rank=6,
        key=lambda seller: keys.seller_key(seller.id),
        index_keys=lambda seller: keys.due_keys(seller.id, seller.due_at, shards),
        not_found=SellerNotFound,
        changed=SellerChanged,
    )


class DynamoDBSellers(AuditedRepository[Seller]):
    """Keeps ``resale.application.ports.SellerRepository``."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, seller_noun(scope.tenant))

    def find(self, seller_id: SellerId) -> Seller | None:
        """Read one that may not be there yet, consistently."""
        return self.find_at(keys.seller_key(seller_id))
