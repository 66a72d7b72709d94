"""Stripe's fees and its payouts to the account's own bank, from balance transactions.

Every balance transaction has a ``fee``; some types are fees themselves, with a negative amount. Fees of disputes are in
transactions of the reporting category ``dispute``. Metadata tells whether a source is ours; a dispute has the intent's.

Source: docs.stripe.com/reports/balance-transaction-types; docs.stripe.com/reports/reporting-categories;
docs.stripe.com/api/balance_transactions/object (fee, fee_details).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import stripe

from resale.adapters.payments.stripe.amounts import from_stripe
from resale.adapters.payments.stripe.client import raise_unknown
from resale.domain.account_movements import AccountMovement, MovementKind

_PAGE: Final = 100  # the most a list gives at once
_FEES: Final = frozenset({"stripe_fee", "stripe_fx_fee", "network_cost", "tax_fee"})
_BANK: Final = frozenset({"payout", "payout_cancel", "payout_failure", "topup", "topup_reversal"})
_OURS: Final = ("attempt_id", "payout_id")


class AccountMovements:
    """The fees and bank payouts of one tenant's Stripe account."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._transactions = client.v1.balance_transactions
        self._intents = client.v1.payment_intents

    def iter_between(self, since: datetime, until: datetime) -> Iterator[AccountMovement]:
        """Iterate over the movements from a time until before another, newest first."""
        first, last = int(since.timestamp()), int(until.timestamp())
        with raise_unknown():
            moved = self._transactions.list(
                {"created": {"gte": first, "lt": last}, "expand": ["data.source"], "limit": _PAGE}
            )
            for transaction in moved.auto_paging_iter():
                yield from self._read(transaction)

    def _read(self, transaction: Any) -> Iterator[AccountMovement]:
        fee = transaction.fee - (transaction.amount if transaction.type in _FEES else 0)
        if fee:
            is_dispute = str(transaction.reporting_category).startswith("dispute")
            kind = MovementKind.DISPUTE_FEE if is_dispute else MovementKind.FEE
            yield _movement(transaction, kind, fee, is_account_wide=not self._is_ours(transaction.source))
        if transaction.type in _BANK:
            yield _movement(transaction, MovementKind.BANK_PAYOUT, -transaction.amount, is_account_wide=True)

    def _is_ours(self, source: Any) -> bool:
        """Return whether a fee is about a payment or payout of ours."""
        metadata = getattr(source, "metadata", None)
        if any(getattr(metadata, name, None) for name in _OURS):
            return True
        intent_id = getattr(source, "payment_intent", None)
        if intent_id is None:
            return False
        return bool(getattr(self._intents.retrieve(str(intent_id)).metadata, "attempt_id", None))


def _movement(transaction: Any, kind: MovementKind, amount: int, *, is_account_wide: bool) -> AccountMovement:
    money = from_stripe(abs(amount), transaction.currency)
    return AccountMovement(
        id=transaction.id,
        kind=kind,
        amount=money.amount if amount > 0 else -money.amount,
        currency=money.currency,
        at=datetime.fromtimestamp(transaction.created, UTC),
        is_account_wide=is_account_wide,
    )
