"""Every endpoint of ``/v1`` as data, a module a group. A test holds them to ``urls.py``."""

from typing import Final

from apps.storefront.openapi.endpoints.addresses import ADDRESS_ENDPOINTS
from apps.storefront.openapi.endpoints.claims import CLAIM_ENDPOINTS
from apps.storefront.openapi.endpoints.clocks import CLOCK_ENDPOINTS
from apps.storefront.openapi.endpoints.connections import CONNECTION_ENDPOINTS
from apps.storefront.openapi.endpoints.dead_letters import DEAD_LETTER_ENDPOINTS
from apps.storefront.openapi.endpoints.documents import DOCUMENT_ENDPOINTS
from apps.storefront.openapi.endpoints.listings import LISTING_ENDPOINTS
from apps.storefront.openapi.endpoints.money import MONEY_ENDPOINTS
from apps.storefront.openapi.endpoints.orders import ORDER_ENDPOINTS
from apps.storefront.openapi.endpoints.partners import PARTNER_ENDPOINTS
from apps.storefront.openapi.endpoints.purchases import PURCHASE_ENDPOINTS
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint

__all__ = [
    "ADDRESS_ENDPOINTS",
    "CLAIM_ENDPOINTS",
    "CLOCK_ENDPOINTS",
    "CONNECTION_ENDPOINTS",
    "DEAD_LETTER_ENDPOINTS",
    "DOCUMENT_ENDPOINTS",
    "ENDPOINTS",
    "LISTING_ENDPOINTS",
    "MONEY_ENDPOINTS",
    "ORDER_ENDPOINTS",
    "PARTNER_ENDPOINTS",
    "PURCHASE_ENDPOINTS",
    "Access",
    "Endpoint",
]

ENDPOINTS: Final = (
    *LISTING_ENDPOINTS,
    *PURCHASE_ENDPOINTS,
    *ORDER_ENDPOINTS,
    *ADDRESS_ENDPOINTS,
    *CLAIM_ENDPOINTS,
    *MONEY_ENDPOINTS,
    *CONNECTION_ENDPOINTS,
    *PARTNER_ENDPOINTS,
    *CLOCK_ENDPOINTS,
    *DEAD_LETTER_ENDPOINTS,
    *DOCUMENT_ENDPOINTS,
)
