"""Importing the provider's fees, and its payouts to the shop's bank account, into the ledger."""

from resale.application.ports import AlreadyPosted, UnitOfWork
from resale.domain.account_movements import AccountMovement, movement_transaction


def post_account_movement(uow: UnitOfWork, *, movement: AccountMovement) -> bool:
    """Post a fee or a payout to the shop's bank account.

    Shape: reads nothing; commits one ledger transaction of two entries. Idempotent: repeating it is a no-op.

    Args:
        uow: Fresh; committed here at most once.
        movement: As the provider reports it.

    Returns:
        Whether it is posted now: False if it was posted before, if nothing moved, or if it can belong to another shop.

    Raises:
        Unavailable: The data store did not respond. Import again.
    """
    if not movement.amount or (movement.is_account_wide and not uow.tenant.policies.provider_account_is_exclusive):
        return False
    uow.ledger.post(movement_transaction(movement))
    try:
        uow.commit()
    except AlreadyPosted:
        return False
    return True
