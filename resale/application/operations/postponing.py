"""What follows a partner's silence: the step of an order, a claim or a payout is put off, as data."""

from resale.application.ports import UnitOfWork
from resale.domain.claims import ClaimStep, next_claim_step
from resale.domain.ids import ClaimId, OrderId, PayoutId, is_id
from resale.domain.order_steps import OrderStep, next_step
from resale.domain.postponing import put_off


def postpone_step(uow: UnitOfWork, *, entity_id: OrderId | ClaimId | PayoutId, reason_code: str) -> None:
    """Put the present step off, longer each time: its partner did not answer after several tries.

    After about a day ``attention`` says so to staff, where it says nothing else; the next step that is taken clears it.

    Shape: reads 1 item; commits at most 1 (``order.postponed``, ``claim.postponed`` or ``payout.postponed``), due again
    in half a minute to an hour. A step taken meanwhile: no-op.

    Args:
        uow: Fresh; committed here at most once.
        entity_id: Which order, claim or payout.
        reason_code: The outcome's code.

    Raises:
        OrderNotFound, ClaimNotFound, PayoutNotFound: There is none.
        Conflict: Another worker was faster; read again.
    """
    if is_id("ord", entity_id):
        order = uow.orders.get(OrderId(entity_id))
        if next_step(order, now=uow.now) == OrderStep.NOTHING:
            return
        uow.orders.save(put_off(order, now=uow.now), change_type="order.postponed", reason_code=reason_code)
    elif is_id("clm", entity_id):
        claim = uow.claims.get(ClaimId(entity_id))
        if next_claim_step(claim, now=uow.now) == ClaimStep.NOTHING:
            return
        uow.claims.save(put_off(claim, now=uow.now), change_type="claim.postponed", reason_code=reason_code)
    else:
        payout = uow.payouts.get(PayoutId(entity_id))
        if payout.due_at is None:
            return
        uow.payouts.save(put_off(payout, now=uow.now), change_type="payout.postponed", reason_code=reason_code)
    uow.commit()
