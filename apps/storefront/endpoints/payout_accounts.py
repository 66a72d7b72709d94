"""The shopper's payout account: its onboarding at the payment provider."""

from datetime import datetime

import msgspec

from apps.core.container import get_container
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.permissions import Access
from resale.application.operations.onboarding import create_onboarding_link
from resale.domain.customers import CustomerChanged
from resale.domain.onboarding import NewOnboardingLink
from resale.domain.partners import PartnerMisconfigured, PartnerUnavailable
from resale.domain.sellers import PayoutAccountStatus, SellerChanged


class OnboardingLinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A link to the payment provider's form. It works once and until ``expires_at``; redirect the seller at once."""

    object: str = "onboarding_link"
    url: str
    expires_at: datetime
    payout_account_status: PayoutAccountStatus


@Endpoint(
    method="post",
    path="/v1/payout_accounts/onboarding_link",
    id="createOnboardingLink",
    tag="Money",
    summary="Create a link to the onboarding of the shopper's payout account",
    details=(
        "The seller enters bank details and identity at the payment provider, which then redirects to `return_url`, a "
        "page of the shop. The first link opens the account, which becomes the `payout_destination` of the seller "
        "account. It is paid when its `payout_account_status` is `active`. Create a new link when one has expired."
    ),
    access=Access.SHOPPER,
    body=NewOnboardingLink,
    example={"return_url": "https://shop.example/account/payouts"},
    responses=(OnboardingLinkView,),
    problems=(SellerChanged, CustomerChanged, PartnerMisconfigured, PartnerUnavailable),
)
def create_link(context: Context[None, NewOnboardingLink]) -> OnboardingLinkView:
    """Create a link to the onboarding form of the caller's payout account."""
    link = context.run(
        create_onboarding_link,
        payments=get_container().payments(context.tenant),
        shopper=context.shopper,
        new=context.body,
    )
    return OnboardingLinkView(url=link.url, expires_at=link.expires_at, payout_account_status=link.status)
