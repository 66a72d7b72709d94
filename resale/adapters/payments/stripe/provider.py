"""Stripe as ``PaymentProvider``: separate charges and transfers on the tenant's own Stripe account."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from resale.adapters.payments.stripe.accounts import Accounts
from resale.adapters.payments.stripe.bookings import BalanceTransactions
from resale.adapters.payments.stripe.client import make_client
from resale.adapters.payments.stripe.disputes import Disputes
from resale.adapters.payments.stripe.fees import AccountMovements
from resale.adapters.payments.stripe.hooks import read_webhook
from resale.adapters.payments.stripe.intents import Intents
from resale.adapters.payments.stripe.onboarding import Onboarding
from resale.adapters.payments.stripe.payouts import Payouts
from resale.adapters.payments.stripe.refunds import Refunds
from resale.domain.account_movements import AccountMovement
from resale.domain.ids import RefundId
from resale.domain.money import Money
from resale.domain.onboarding import OnboardingLink, OnboardingRequest
from resale.domain.partners import PartnerEvent, ProviderTransaction
from resale.domain.payments import Dispute, PaymentOutcome, PaymentRequest, ProviderRefund, RefundOutcome
from resale.domain.payouts import PayoutOutcome, PayoutRequest
from resale.domain.sellers import PayoutAccount
from resale.settings import Settings


class StripePayments:
    """One tenant's Stripe account. Creating it is cheap: the tenants of a process share one pool of connections.

    ``request.token`` is a payment method, ``pm_…``, made in the buyer's browser; ``destination`` of a payout is a
    connected account, ``acct_…``.
    """

    name = "stripe"

    def __init__(
        self,
        settings: Settings,
        *,
        api_key: str,
        webhook_secret: str | None = None,
        return_url: str | None = None,
        api_base: str | None = None,
    ) -> None:
        """Store the credentials; no connection is opened.

        Args:
            settings: Time-outs.
            api_key: The account's secret or restricted key.
            webhook_secret: Of its endpoint; several parted by spaces, for events of connected accounts come from an
                endpoint of their own.
            return_url: Where a buyer's bank sends the buyer back to when their order names no page; without either
                there is no ``action_url``.
            api_base: Where Stripe is, if not where it always is.
        """
        client = make_client(settings, api_key=api_key, api_base=api_base)
        self._webhook_secret = webhook_secret
        self._movements = AccountMovements(client)
        self._intents = Intents(client, return_url=return_url)
        self._refunds = Refunds(client)
        self._disputes = Disputes(client)
        self._onboarding = Onboarding(client)
        self._payouts = Payouts(client)
        self._accounts = Accounts(client)
        self._transactions = BalanceTransactions(client)

    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        """Confirm the attempt's intent, once."""
        return self._intents.authorise(request)

    def find_payment(self, request: PaymentRequest) -> PaymentOutcome | None:
        """Return the state of a payment attempt; None if its bank was never called."""
        return self._intents.look_up(request).outcome

    def capture(self, request: PaymentRequest) -> PaymentOutcome:
        """Capture the payment; an attempt that was never authorised is voided."""
        return self._intents.capture(request)

    def void(self, request: PaymentRequest) -> PaymentOutcome:
        """Cancel the attempt's intent, created for that if needed."""
        return self._intents.void(request)

    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        """Refund a payment, in full or in part; a permanent refusal is a failed refund."""
        return self._refunds.refund(self._intents.find_id(request), request, refund_id=refund_id, amount=amount)

    def find_refund(self, request: PaymentRequest, *, refund_id: RefundId) -> RefundOutcome | None:
        """Return the state of a refund; None if Stripe has none."""
        return self._refunds.find(self._intents.find_id(request), refund_id)

    def list_refunds(self, request: PaymentRequest) -> tuple[ProviderRefund, ...]:
        """List all refunds of a payment, also those of the dashboard."""
        return self._refunds.list_of(self._intents.find_id(request))

    def list_disputes(self, request: PaymentRequest) -> tuple[Dispute, ...]:
        """List all disputes of a payment, the oldest first."""
        return self._disputes.list_of(self._intents.find_id(request))

    def onboard(self, request: OnboardingRequest) -> OnboardingLink:
        """Open a connected account if there is none, and create a link to Stripe's form."""
        return self._onboarding.onboard(request)

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        """Transfer to the seller's account and pay out from there."""
        return self._payouts.pay_out(request)

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        """Return the state of a payout; a failed one is FAILED after its amount has been returned."""
        return self._payouts.find(request)

    def find_payout_account(self, destination: str) -> PayoutAccount | None:
        """Return the state of a connected account; one that left is rejected."""
        return self._accounts.find(destination)

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify and parse a webhook."""
        return read_webhook(body=body, headers=headers, secrets=self._webhook_secret)

    def iter_transactions(self, *, since: datetime) -> Iterator[ProviderTransaction]:
        """Iterate over Stripe's money movements, newest first, by Stripe's clock."""
        return self._transactions.iter_since(since)

    def iter_account_movements(self, *, since: datetime, until: datetime) -> Iterator[AccountMovement]:
        """Iterate over Stripe's fees and payouts to the account's own bank, newest first, by Stripe's clock."""
        return self._movements.iter_between(since, until)
