"""The mapping, repository and reads of each entity type, one line each."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from resale.adapters.dynamodb.audited import DynamoDBRepository, RepositoryAttribute, Scope, repository_of
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
from resale.adapters.dynamodb.sellers import SELLER_MAPPING, SellerReads
from resale.adapters.dynamodb.transfers import TRANSFER_MAPPING, DynamoDBTransfers, TransferReads
from resale.domain.entities import CUSTOMER, DEAD_LETTER, IMAGE, TEST_CLOCK, TRANSFER, EntityType

I = TypeVar("I", bound=str)  # noqa: E741 - an id
E = TypeVar("E", bound=msgspec.Struct)

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
    """Implements ``resale.application.ports.entities.Repositories``, except customers, which need a directory."""

    listings = repository_of(LISTING_MAPPING)
    media = RepositoryAttribute(DynamoDBMedia, entity_type=IMAGE)
    orders = repository_of(ORDER_MAPPING)
    claims = repository_of(CLAIM_MAPPING)
    transfers = RepositoryAttribute(DynamoDBTransfers, entity_type=TRANSFER)
    payouts = repository_of(PAYOUT_MAPPING)
    purchases = repository_of(PURCHASE_MAPPING)
    sellers = repository_of(SELLER_MAPPING)
    inbound = repository_of(INBOUND_MAPPING)
    clocks = RepositoryAttribute(DynamoDBClocks, entity_type=TEST_CLOCK)
    dead_letters = RepositoryAttribute(DynamoDBDeadLetters, entity_type=DEAD_LETTER)

    _scope: Scope

    def repository(self, entity_type: EntityType[I, E]) -> DynamoDBRepository[I, E]:
        """Return the repository of an entity type, always the same instance, because it knows what it has read."""
        prefix = entity_type.prefix
        if (name := _ATTRIBUTES.get(prefix)) is not None:
            found = getattr(self, name)
        else:
            found = self.__dict__.setdefault(prefix, DynamoDBRepository(self._scope, MAPPINGS[prefix]))
        if not isinstance(found, DynamoDBRepository):
            raise TypeError(f"the repository of a {entity_type.name} has methods of its own")
        return found


#: Attributes of ``DynamoDBRepositories``, by the prefix of what they hold.
_ATTRIBUTES: Final[Mapping[str, str]] = {
    CUSTOMER.prefix: "customers",
    **{
        attribute.entity_type.prefix: name
        for name, attribute in vars(DynamoDBRepositories).items()
        if isinstance(attribute, RepositoryAttribute) and attribute.entity_type is not None
    },
}


class EntityReads(
    ListingReads,
    MediaReads,
    OrderReads,
    ClaimReads,
    TransferReads,
    PayoutReads,
    PurchaseReads,
    SellerReads,
    ConnectionReads,
    ClockReads,
    DeadLetterReads,
):
    """Implements ``resale.application.ports.entities.EntityReads``, except customers, which need a directory."""
