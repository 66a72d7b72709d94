"""The payout accounts of sellers, read at the payment provider when it reports a change."""

import msgspec

from resale.application.operations.sellers import next_payout_at
from resale.application.ports import PaymentProvider, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import SellerId
from resale.domain.sellers import Seller, SellerNotFound, with_payout_account
from resale.domain.versions import next_version


def review_payout_account(uow: UnitOfWork, *, payments: PaymentProvider, seller_id: SellerId) -> Seller:
    """Read a seller's payout account at the provider, because it reports a change, and record its state.

    A stopped account is not paid in cash; one that is enabled again is paid after the usual delay.

    Shape: reads 1 item; at most one partner call; commits at most 1 (``seller.payout_account_changed``).

    Args:
        uow: Fresh; committed here at most once.
        payments: The tenant's payment provider.
        seller_id: Whose account.

    Returns:
        The seller account as it stands.

    Raises:
        SellerNotFound: There is none.
        PartnerUnavailable: The partner's response is not known.
        Conflict: Another writer won; read again.
    """
    before = uow.sellers.find(seller_id)
    if before is None:
        raise SellerNotFound
    if before.payout_destination is None:
        return before
    seller = with_payout_account(before, payments.find_payout_account(before.payout_destination))
    if seller == before:
        return before
    due_at = next_payout_at(uow, seller=msgspec.structs.replace(seller, due_at=None))
    seller = next_version(msgspec.structs.replace(seller, due_at=due_at), now=uow.now)
    uow.sellers.save(seller, change_type=ChangeType.SELLER_PAYOUT_ACCOUNT_CHANGED)
    uow.commit()
    return seller
