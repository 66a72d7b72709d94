"""Seller accounts in DynamoDB: the mapping of an account, whose version guards the balance."""

from typing import Final

from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, own_key
from resale.domain.entities import SELLER
from resale.domain.ids import SellerId
from resale.domain.sellers import SCHEMA, Seller

SELLERS: Final = DocumentKind(Seller, schema=SCHEMA)
SELLER_MAPPING: Final = EntityMapping[SellerId, Seller](
    entity_type=SELLER,
    documents=SELLERS,
    rank=6,
    key=own_key(SELLER),
)
