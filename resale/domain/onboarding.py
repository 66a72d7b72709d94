"""Onboarding of sellers at the payment provider: they enter their bank account and their identity there.

Nothing of that is stored here: the account has a name at the provider, a status and requirements.
"""

from datetime import datetime

import msgspec

from resale.domain.ids import SellerId
from resale.domain.return_urls import ReturnURL
from resale.domain.sellers import PayoutAccountStatus


class NewOnboardingLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of an onboarding link. The provider sends the seller to ``return_url``, finished or not."""

    return_url: ReturnURL


class OnboardingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The request of a link to the provider. ``seller_id`` is the idempotency key of an account that is opened."""

    seller_id: SellerId
    account: str | None  # the provider's name of the account; None: it is opened
    country: str  # ISO 3166-1 alpha-2
    return_url: str


class OnboardingLink(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the provider for one seller. Whoever has ``url`` can act for the seller: never log or store it."""

    account: str
    status: PayoutAccountStatus
    url: str
    expires_at: datetime
