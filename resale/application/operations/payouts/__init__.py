"""Paying sellers: everything available, netted, leaves their balance for their bank or as store credit."""

from resale.application.operations.payouts.advancing import advance_payout
from resale.application.operations.payouts.cancelling import cancel_payout
from resale.application.operations.payouts.starting import start_due_payout, start_payout

__all__ = ["advance_payout", "cancel_payout", "start_due_payout", "start_payout"]
