"""The entity types: one record for each audited type with an id.

What only the type decides is stated here once: prefix, table, errors, permissions, wake-up, page, states. Repositories,
reads, histories, path parameters, links, wake-ups and diagrams take it from here.
"""

from collections.abc import Mapping
from typing import Final

from resale.domain.entities.claims import CLAIM
from resale.domain.entities.clocks import TEST_CLOCK
from resale.domain.entities.connections import CONNECTION
from resale.domain.entities.customers import CUSTOMER
from resale.domain.entities.dead_letters import DEAD_LETTER
from resale.domain.entities.entity_type import Absent, AnyEntityType, EntityType, Table
from resale.domain.entities.inbound import INBOUND_EVENT
from resale.domain.entities.listings import LISTING
from resale.domain.entities.media import IMAGE
from resale.domain.entities.orders import ORDER
from resale.domain.entities.payouts import PAYOUT
from resale.domain.entities.purchases import PURCHASE
from resale.domain.entities.sellers import SELLER
from resale.domain.entities.transfers import TRANSFER

__all__ = [
    "CLAIM",
    "CONNECTION",
    "CUSTOMER",
    "DEAD_LETTER",
    "ENTITIES",
    "IMAGE",
    "INBOUND_EVENT",
    "LISTING",
    "ORDER",
    "PAYOUT",
    "PURCHASE",
    "SELLER",
    "TEST_CLOCK",
    "TRANSFER",
    "Absent",
    "AnyEntityType",
    "EntityType",
    "Table",
    "entity_type_of",
]

#: Every entity type, by the prefix of its ids.
ENTITIES: Final[Mapping[str, AnyEntityType]] = {
    entity_type.prefix: entity_type
    for entity_type in (
        LISTING,
        IMAGE,
        ORDER,
        CLAIM,
        TRANSFER,
        PAYOUT,
        PURCHASE,
        SELLER,
        CUSTOMER,
        INBOUND_EVENT,
        CONNECTION,
        TEST_CLOCK,
        DEAD_LETTER,
    )
}


def entity_type_of(entity_id: str) -> AnyEntityType:
    """Return the entity type of an id. Raises KeyError if no type has its prefix."""
    return ENTITIES[entity_id.partition("_")[0]]
