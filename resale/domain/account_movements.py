"""What a payment provider itself charges and pays out: fees, and payouts to the shop's own bank account."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.accounts import BANK, DISPUTE_FEES, PROVIDER, PROVIDER_FEES
from resale.domain.ledger import LedgerEntry, LedgerTransaction, Posting


class MovementKind(StrEnum):
    """The kind of a movement of the account at the provider."""

    FEE = "fee"
    DISPUTE_FEE = "dispute_fee"
    BANK_PAYOUT = "bank_payout"


class AccountMovement(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of the account at the provider that belongs to no step of an order or a payout.

    ``amount`` is what left the account; what came in (a refunded fee, a top-up) is negative. ``is_account_wide``: it is
    not about a payment of ours, so it can belong to another shop that uses the same account.
    """

    id: str  # the provider's; unique with ``kind``
    kind: MovementKind
    amount: int
    currency: str
    at: datetime  # by the provider's clock
    is_account_wide: bool


_ACCOUNTS: Final[Mapping[MovementKind, str]] = {
    MovementKind.FEE: PROVIDER_FEES,
    MovementKind.DISPUTE_FEE: DISPUTE_FEES,
    MovementKind.BANK_PAYOUT: BANK,
}


def movement_transaction(movement: AccountMovement) -> LedgerTransaction:
    """Return the ledger transaction of a movement; its id is the provider's, so it is posted once."""
    postings = (Posting(_ACCOUNTS[movement.kind], movement.amount), Posting(PROVIDER, -movement.amount))
    return LedgerTransaction(
        source_id=movement.id, step=movement.kind, currency=movement.currency, at=movement.at, postings=postings
    )


def is_account_movement(entry: LedgerEntry) -> bool:
    """Return whether an entry belongs to a movement of the account at the provider."""
    return entry.step in _STEPS


_STEPS: Final = frozenset(map(str, MovementKind))
