"""What tests of the Stripe adapter begin with: a connection, and what is asked."""

import uuid_utils

from resale.adapters.payments.stripe import StripePayments
from resale.domain.ids import OrderId, PaymentId, PayoutId, RefundId
from resale.domain.money import Money
from resale.domain.payments import PaymentRequest
from resale.domain.payouts import PayoutRequest
from resale.settings import Settings
from tests.adapters.stripe_world import API_KEY

PRICE = Money(amount=12_000, currency="GBP")
PART = Money(amount=2_000, currency="GBP")
WEBHOOK_SECRET = "whsec_made_up"
SETTINGS = Settings(lookup_secret=b"l", cursor_secret=b"c", payments_timeout_seconds=5)


def connect(url: str | None, *, api_key: str = API_KEY, return_url: str | None = None) -> StripePayments:
    return StripePayments(SETTINGS, api_key=api_key, webhook_secret=WEBHOOK_SECRET, return_url=return_url, api_base=url)


def attempt(token: str = "pm_card_visa", *, amount: Money = PRICE) -> PaymentRequest:
    """A new attempt; its id is as old as the test."""
    return PaymentRequest(
        attempt_id=PaymentId(new_id("pay")), order_id=OrderId(new_id("ord")), amount=amount, token=token
    )


def payout(destination: str = "acct_good", *, amount: Money = PART) -> PayoutRequest:
    return PayoutRequest(payout_id=PayoutId(new_id("pyt")), amount=amount, destination=destination)


def new_refund() -> RefundId:
    return RefundId(new_id("ref"))


def new_id(prefix: str, *, age_seconds: int = 0) -> str:
    """An id made some time ago: its first 48 bits are milliseconds (RFC 9562)."""
    return f"{prefix}_{uuid_utils.uuid7().int - (age_seconds * 1000 << 80):032x}"
