"""Payouts: the available balance of a seller leaves for their bank, or becomes store credit."""

from resale.application.operations.payouts.advancing import advance_payout
from resale.application.operations.payouts.cancelling import cancel_payout
from resale.application.operations.payouts.starting import start_due_payout, start_payout

__all__ = ["advance_payout", "cancel_payout", "start_due_payout", "start_payout"]
