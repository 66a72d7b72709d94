"""The scopes of secret API keys, and of operators' keys."""

from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """A scope of a secret API key. Stable: scopes are stored with keys and part of the API."""

    CLAIMS_READ = "claims:read"
    CLAIMS_WRITE = "claims:write"
    CONNECTIONS_READ = "connections:read"
    DEAD_LETTERS_MANAGE = "dead_letters:manage"
    DEAD_LETTERS_READ = "dead_letters:read"
    HISTORY_READ = "history:read"
    LEDGER_READ = "ledger:read"
    LISTINGS_MODERATE = "listings:moderate"
    LISTINGS_READ = "listings:read"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    PAYOUTS_READ = "payouts:read"
    PAYOUTS_WRITE = "payouts:write"
    PURCHASES_READ = "purchases:read"
    PURCHASES_WRITE = "purchases:write"
    REFUNDS_WRITE = "refunds:write"
    TEST_CLOCKS_MANAGE = "test_clocks:manage"


#: All of them. A publishable key has none: it browses, and carries shoppers.
SCOPES: Final = frozenset(Scope)


class OperatorScope(StrEnum):
    """A scope of an operator's API key. Stable: scopes are stored with keys and part of the API."""

    SANDBOXES_WRITE = "sandboxes:write"
