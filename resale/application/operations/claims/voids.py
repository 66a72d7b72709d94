"""The carrier's decision about a return label that was voided: until it refunds the price, the price stays posted."""

import msgspec

from resale.application.operations.orders.labels import settle_label
from resale.application.ports import Partners, UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.claims import Claim, parcel_of, update_claim
from resale.domain.reasons import ReasonCode


def settle_return_void(uow: UnitOfWork, *, partners: Partners, claim: Claim) -> Claim:
    """Ask the carrier for its decision about a voided label, and record it; undecided, a later step asks again."""
    order, parcel = uow.orders.get(claim.order_id), parcel_of(claim)
    decided = settle_label(uow, partners=partners, order=order, shipment=parcel, step="return_label_voided")
    claim = update_claim(msgspec.structs.replace(claim, return_shipment=decided.shipment), now=uow.now)
    if decided.is_open:
        uow.claims.save(claim, change_type=ChangeType.CLAIM_POSTPONED, reason_code=ReasonCode.NOTHING_TO_DO_YET)
    else:
        uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_LABEL_VOID_DECIDED, reason_code=decided.state)
    uow.commit()
    return claim
