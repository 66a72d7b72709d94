"""Onboarding a seller at the payment provider: their account is opened there, and they get a link to its form."""

import msgspec

from resale.application.operations.customers import Shopper, enrol_shopper
from resale.application.operations.sellers import next_payout_at, seller_account_of
from resale.application.ports import PaymentProvider, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.onboarding import NewOnboardingLink, OnboardingLink, OnboardingRequest
from resale.domain.return_urls import check_return_url
from resale.domain.sellers import Seller
from resale.domain.versions import next_version


def create_onboarding_link(
    uow: UnitOfWork, *, payments: PaymentProvider, shopper: Shopper, new: NewOnboardingLink
) -> OnboardingLink:
    """Return a link to the provider's onboarding form; the first one opens the seller's account at the provider.

    The account is opened under an idempotency key of the seller's id, so that a lost response opens it once. It
    becomes the payout destination, and is paid when the provider reports it as active.

    Shape: reads at most 2 items; one partner call, two for the first link; commits at most 2 (``seller.edited`` and the
    look-up of the account), with the shopper's customer on their first write.

    Args:
        uow: Fresh; committed here at most once.
        payments: The tenant's payment provider.
        shopper: Whose account; made when there is none.
        new: The page to return to.

    Returns:
        The link, which works once and expires soon.

    Raises:
        Invalid: The return URL is not a page of the shop.
        PartnerUnavailable: The provider's response is not known, or it refuses.
        Conflict: Another writer won; read again.
    """
    check_return_url(new.return_url, tenant=uow.tenant)
    customer_id = enrol_shopper(uow, shopper=shopper)
    seller, is_new = seller_account_of(uow, customer_id=customer_id)
    link = payments.onboard(
        OnboardingRequest(
            seller_id=seller.id, account=seller.payout_account, country=uow.tenant.market, return_url=new.return_url
        )
    )
    if link.account == seller.payout_account:
        return link
    uow.references.add(provider=payments.name, reference=link.account, entity_id=seller.id)
    _save(uow, _with_account(uow, seller=seller, link=link), is_new=is_new)
    uow.commit()
    return link


def _with_account(uow: UnitOfWork, *, seller: Seller, link: OnboardingLink) -> Seller:
    opened = msgspec.structs.replace(
        seller,
        payout_account=link.account,
        payout_destination=link.account,
        payout_account_status=link.status,
        payout_requirements=(),
    )
    return msgspec.structs.replace(opened, due_at=next_payout_at(uow, seller=opened))


def _save(uow: UnitOfWork, seller: Seller, *, is_new: bool) -> None:
    seller = next_version(seller, now=uow.now)
    if is_new:
        uow.sellers.add(seller, change_type=ChangeType.SELLER_EDITED)
    else:
        uow.sellers.save(seller, change_type=ChangeType.SELLER_EDITED)
