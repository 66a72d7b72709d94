"""The connected accounts of sellers: whether Stripe pays them, and what it requires of them.

An account of the API of version 2 is read with its id by version 1, too.

Source: docs.stripe.com/connect/handling-api-verification; docs.stripe.com/api/accounts/object.
"""

from typing import Final

import stripe

from resale.adapters.payments.stripe.client import ACCOUNT_GONE, code_of, raise_unknown
from resale.domain.sellers import PayoutAccount, PayoutAccountStatus

_REQUIREMENTS_MAX: Final = 50
_CODE_CHARS_MAX: Final = 200


class Accounts:
    """The connected accounts of one tenant."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._accounts = client.v1.accounts

    def find(self, account_id: str) -> PayoutAccount | None:
        """Return the state of an account; None if Stripe has none of this name, REJECTED if it left the platform."""
        with raise_unknown():
            try:
                return _read(self._accounts.retrieve(account_id))
            except stripe.PermissionError as error:
                if code_of(error) != ACCOUNT_GONE:
                    raise
                return PayoutAccount(status=PayoutAccountStatus.REJECTED, requirements=(ACCOUNT_GONE,))
            except stripe.InvalidRequestError as error:
                if code_of(error) != "resource_missing":
                    raise
                return None


def status_of(account: stripe.Account) -> PayoutAccountStatus:
    """Return whether Stripe pays an account, by its requirements."""
    reason = None if account.requirements is None else account.requirements.disabled_reason
    if account.payouts_enabled:
        return PayoutAccountStatus.ACTIVE
    if (reason or "").startswith("rejected."):
        return PayoutAccountStatus.REJECTED
    return PayoutAccountStatus.RESTRICTED if account.details_submitted else PayoutAccountStatus.PENDING


def _read(account: stripe.Account) -> PayoutAccount:
    requirements = account.requirements
    listed = () if requirements is None else (*(requirements.past_due or ()), *(requirements.currently_due or ()))
    unmet = tuple(dict.fromkeys(code[:_CODE_CHARS_MAX] for code in listed))[:_REQUIREMENTS_MAX]
    return PayoutAccount(status=status_of(account), requirements=unmet)
