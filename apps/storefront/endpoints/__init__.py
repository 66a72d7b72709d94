"""The endpoints of ``/v1``, one module for each noun; the document has the same order."""

from typing import Final

from apps.storefront.endpoint import endpoints_of
from apps.storefront.endpoints import (
    address_formats,
    balances,
    claims,
    clocks,
    compensations,
    connections,
    dead_letters,
    ledger,
    listing_decisions,
    listings,
    orders,
    payout_accounts,
    payouts,
    purchases,
    quotes,
    refunds,
    sandboxes,
    sellers,
    shipments,
    webhooks,
)

MODULES: Final = (
    listings,
    listing_decisions,
    purchases,
    quotes,
    orders,
    address_formats,
    claims,
    sellers,
    payout_accounts,
    balances,
    payouts,
    refunds,
    compensations,
    ledger,
    connections,
    webhooks,
    shipments,
    clocks,
    sandboxes,
    dead_letters,
)
NOUN_ENDPOINTS: Final = endpoints_of(MODULES)
