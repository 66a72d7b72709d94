"""Why a payout failed, and whose turn it is: the seller's, the bank's or ours. A failure of ours blames no seller.

Source: docs.stripe.com/api/payouts/failures; docs.stripe.com/error-codes.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

from resale.domain.reasons import PartnerCode


class FailureCause(StrEnum):
    """Who can remove the cause of a failed payout."""

    SELLER_ACCOUNT = "seller_account"  # the seller: their account or bank details; they choose another destination
    BANK = "bank"  # nobody: the bank could not process it, and may do so later
    AMOUNT = "amount"  # nobody now: the amount is too small or cannot be represented; the balance may grow
    PLATFORM = "platform"  # the shop or this platform: balance, key, capability; also what is not known


#: Codes of a payout that failed at the seller's bank, and of a request that the provider refused.
_CAUSES: Final[Mapping[str, FailureCause]] = {
    **dict.fromkeys(
        (
            "account_closed",
            "account_frozen",
            "account_invalid",
            "account_number_invalid",
            "bank_account_declined",
            "bank_account_restricted",
            "bank_account_unusable",
            "bank_account_unverified",
            "bank_ownership_changed",
            "debit_not_authorized",
            "declined",  # "contact your bank before retrying"
            "incorrect_account_holder_address",
            "incorrect_account_holder_name",
            "incorrect_account_holder_tax_id",
            "incorrect_account_type",
            "insufficient_capabilities_for_transfer",
            "invalid_account_number",
            "invalid_account_number_length",
            "invalid_currency",  # the bank account cannot receive it
            "invalid_destination",  # the sandbox
            "no_account",
            "payouts_not_allowed",
            "resource_missing",  # the destination is no account of the shop
            "transfers_not_allowed",
            "unsupported_card",
        ),
        FailureCause.SELLER_ACCOUNT,
    ),
    "could_not_process": FailureCause.BANK,
    **dict.fromkeys(("amount_not_supported", "amount_too_small", "invalid_amount"), FailureCause.AMOUNT),
    **dict.fromkeys(
        (
            "amount_too_large",
            "balance_insufficient",
            "canceled",  # by a person, in the provider's dashboard
            "insufficient_funds",
            "transfer_reversed",  # by a person, too
        ),
        FailureCause.PLATFORM,
    ),
}

#: How long an automatic payout waits after a failure that is not the seller's. Money goes nowhere meanwhile, and each
#: retry is a payout on record.
RETRIED_AFTER: Final[Mapping[FailureCause, timedelta]] = {
    FailureCause.SELLER_ACCOUNT: timedelta(0),  # another destination waits as every new one
    FailureCause.BANK: timedelta(days=1),
    FailureCause.AMOUNT: timedelta(days=7),
    FailureCause.PLATFORM: timedelta(days=1),
}


def cause_of(failure_code: PartnerCode | None) -> FailureCause:
    """Return the cause of a failed payout. What is not known is nobody's fault until staff have looked."""
    return _CAUSES.get(failure_code or "", FailureCause.PLATFORM)
