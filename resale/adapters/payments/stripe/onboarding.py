"""Onboarding of sellers: a connected account, and links to Stripe's own form.

The platform pays Stripe's fees, bears negative balances and pays out by itself (a manual schedule): money moves only by
calls of the port. The seller has an Express dashboard.

Source: docs.stripe.com/connect/express-accounts; docs.stripe.com/api/accounts/create (controller);
docs.stripe.com/api/account_links/create; docs.stripe.com/connect/manual-payouts.
"""

from datetime import UTC, datetime

import stripe
from stripe.params import AccountCreateParams

from resale.adapters.payments.stripe.accounts import status_of
from resale.adapters.payments.stripe.client import raise_unknown
from resale.domain.onboarding import OnboardingLink, OnboardingRequest


class Onboarding:
    """The connected accounts of one tenant's sellers, and the links to their forms."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._accounts = client.v1.accounts
        self._links = client.v1.account_links

    def onboard(self, request: OnboardingRequest) -> OnboardingLink:
        """Open the account if there is none, and create a link to its form."""
        with raise_unknown():
            account = self._open(request) if request.account is None else self._accounts.retrieve(request.account)
            link = self._links.create(
                {
                    "account": account.id,
                    "type": "account_onboarding",
                    "refresh_url": request.return_url,
                    "return_url": request.return_url,
                }
            )
        return OnboardingLink(
            account=account.id,
            status=status_of(account),
            url=link.url,
            expires_at=datetime.fromtimestamp(link.expires_at, UTC),
        )

    def _open(self, request: OnboardingRequest) -> stripe.Account:
        parameters: AccountCreateParams = {
            "country": request.country,
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": True}},
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
            "metadata": {"seller_id": request.seller_id},
        }
        return self._accounts.create(parameters, {"idempotency_key": f"{request.seller_id}:account"})
