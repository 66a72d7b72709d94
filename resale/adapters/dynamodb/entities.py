"""What each entity type adds to the adapters: its mapping, its repository, its reads. One line each."""

from collections.abc import Mapping
from typing import Any, Final

from resale.adapters.dynamodb.audited import Opened, Scope, repository_of
from resale.adapters.dynamodb.claims import CLAIM_MAPPING, ClaimReads
from resale.adapters.dynamodb.clocks import CLOCK_MAPPING, ClockReads, DynamoDBClocks
from resale.adapters.dynamodb.connection_states import CONNECTION_MAPPING, ConnectionReads
from resale.adapters.dynamodb.customers import CUSTOMER_MAPPING
from resale.adapters.dynamodb.dead_letters import DEAD_LETTER_MAPPING, DeadLetterReads, DynamoDBDeadLetters
from resale.adapters.dynamodb.inbound import INBOUND_MAPPING
from resale.adapters.dynamodb.listings import LISTING_MAPPING, ListingReads
from resale.adapters.dynamodb.mapping import EntityMapping
from resale.adapters.dynamodb.media import MEDIA_MAPPING, DynamoDBMedia, MediaReads
from resale.adapters.dynamodb.orders import ORDER_MAPPING, OrderReads
from resale.adapters.dynamodb.payouts import PAYOUT_MAPPING, PayoutReads
from resale.adapters.dynamodb.purchases import PURCHASE_MAPPING, PurchaseReads
from resale.adapters.dynamodb.sellers import SELLER_MAPPING
from resale.adapters.dynamodb.transfers import TRANSFER_MAPPING, DynamoDBTransfers, TransferReads

#: The mapping of each entity type, by the prefix of its ids.
MAPPINGS: Final[Mapping[str, EntityMapping[Any, Any]]] = {
    mapping.entity_type.prefix: mapping
    for mapping in (
        LISTING_MAPPING,
        MEDIA_MAPPING,
        ORDER_MAPPING,
        CLAIM_MAPPING,
        TRANSFER_MAPPING,
        PAYOUT_MAPPING,
        PURCHASE_MAPPING,
        SELLER_MAPPING,
        CUSTOMER_MAPPING,
        INBOUND_MAPPING,
        CONNECTION_MAPPING,
        CLOCK_MAPPING,
        DEAD_LETTER_MAPPING,
    )
}


class DynamoDBRepositories:
    """Keeps ``resale.application.ports.entities.Repositories``, but for customers, who are found by a directory."""

    listings = repository_of(LISTING_MAPPING)
    media = Opened(DynamoDBMedia)
    orders = repository_of(ORDER_MAPPING)
    claims = repository_of(CLAIM_MAPPING)
    transfers = Opened(DynamoDBTransfers)
    payouts = repository_of(PAYOUT_MAPPING)
    purchases = repository_of(PURCHASE_MAPPING)
    sellers = repository_of(SELLER_MAPPING)
    inbound = repository_of(INBOUND_MAPPING)
    connections = repository_of(CONNECTION_MAPPING)
    clocks = Opened(DynamoDBClocks)
    dead_letters = Opened(DynamoDBDeadLetters)

    _scope: Scope


class EntityReads(
    ListingReads,
    MediaReads,
    OrderReads,
    ClaimReads,
    TransferReads,
    PayoutReads,
    PurchaseReads,
    ConnectionReads,
    ClockReads,
    DeadLetterReads,
):
    """Keeps ``resale.application.ports.entities.EntityReads``, but for customers, who are found by a directory."""
