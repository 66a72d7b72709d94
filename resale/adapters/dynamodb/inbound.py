"""Inbound events in DynamoDB: the mapping of an event."""

from typing import Final

from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, own_key
from resale.domain.entities import INBOUND_EVENT
from resale.domain.ids import InboundId
from resale.domain.inbound import SCHEMA, Inbound

INBOUND_EVENTS: Final = DocumentKind(Inbound, schema=SCHEMA)
INBOUND_MAPPING: Final = EntityMapping[InboundId, Inbound](
    entity_type=INBOUND_EVENT,
    documents=INBOUND_EVENTS,
    rank=4,
    key=own_key(INBOUND_EVENT),
)
