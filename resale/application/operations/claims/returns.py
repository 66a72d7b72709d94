"""The return of a claimed item: its label, its parcel, and the deadlines of the claim."""

from datetime import timedelta

import msgspec

from resale.application.operations.access import authorize, require_version
from resale.application.operations.claims.transitions import (
    begin_claim_refund,
    claim_private_of,
    close_claim,
)
from resale.application.operations.orders.labels import post_label, void_unused_label
from resale.application.operations.orders.transitions import private_of
from resale.application.operations.sellers import ship_from_of
from resale.application.ports import Partners, ShippingProvider, UnitOfWork
from resale.domain import ledger
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.claims import (
    POLL_EVERY,
    REFUND_DUE,
    Claim,
    ClaimCommand,
    ClaimNotFound,
    ClaimStatus,
    ClaimStep,
    is_sent_back,
    next_claim_step,
    parcel_of,
    transition_claim,
    update_claim,
)
from resale.domain.ids import ClaimId
from resale.domain.issues import Issue, raise_issue
from resale.domain.partners import pause_after
from resale.domain.reasons import ReasonCode, free_code
from resale.domain.shipments import (
    LabelRequest,
    LabelState,
    Parcel,
    Shipment,
    TrackingEvent,
    abandon_label,
    attach_label,
    record_events,
)


def advance_claim(uow: UnitOfWork, *, partners: Partners, claim_id: ClaimId) -> Claim:
    """Run a claim's next step: buy the return label, poll the carrier, or close the claim at its deadline.

    Shape: reads 1-5 items; at most one partner call with its look-up; commits at most once. Nothing to do: no-op.

    Args:
        uow: Fresh; committed here at most once.
        partners: The tenant's partners.
        claim_id: Which.

    Returns:
        The claim as it stands.

    Raises:
        ClaimNotFound: No such claim.
        PartnerUnavailable: The partner's response is not known; the step is asked for again.
        Conflict: Another worker was faster; read again.
    """
    claim = uow.claims.get(claim_id)
    step = next_claim_step(claim, now=uow.now)
    if step == ClaimStep.REFUND_RETURN:
        return _refund_return(uow, claim)
    if step == ClaimStep.VOID_RETURN_LABEL:
        return _void_return_label(uow, partners, claim)
    if step == ClaimStep.EXPIRE:
        return _expire(uow, partners, claim)
    if step == ClaimStep.BUY_RETURN_LABEL:
        return _buy_return_label(uow, partners.shipping, claim)
    if step == ClaimStep.TRACK_RETURN:
        return _track_return(uow, partners.shipping, claim)
    return _reschedule(uow, claim)


def record_return_tracking(uow: UnitOfWork, *, claim_id: ClaimId, events: tuple[TrackingEvent, ...]) -> Claim:
    """Record a carrier's tracking events of a return; the first scan starts the refund.

    Shape: reads 1-2 items; commits at most 2 (``claim.return_scanned`` with ``order.refund_started``, or
    ``claim.return_tracked``). Known reports: no-op.

    Args:
        uow: Fresh; committed here at most once.
        claim_id: Whose parcel.
        events: Reports, in any order.

    Returns:
        The claim as it stands.

    Raises:
        ClaimNotFound: No such claim, or it has no return.
        Conflict: Another writer won; read again.
    """
    claim = uow.claims.get(claim_id)
    if claim.return_shipment is None:
        raise ClaimNotFound("This claim has no return.")
    parcel = record_events(claim.return_shipment, events)
    return claim if parcel is claim.return_shipment else _commit_parcel(uow, claim, parcel)


def report_return(uow: UnitOfWork, *, claim_id: ClaimId, event: TrackingEvent) -> Claim:
    """Record a brand's tracking event of a return like one of its carrier; the first scan starts the refund.

    Shape: as ``record_return_tracking``. The same report again: no-op.

    Args:
        uow: Fresh; committed here at most once.
        claim_id: Whose return.
        event: The report.

    Returns:
        The claim as it stands.

    Raises:
        ClaimNotFound: None that the caller may see, or it has no return.
        Forbidden: Not theirs to report.
        Conflict: Another writer won, or the version is not the expected one.
    """
    claim = uow.claims.get(claim_id)
    authorize(uow, entity=claim, action=Action.REPORT_RETURN)
    if claim.return_shipment is None:
        raise ClaimNotFound("This claim has no return.")
    parcel = record_events(claim.return_shipment, (event,))
    if parcel is claim.return_shipment:
        return claim
    require_version(uow, entity=claim)
    return _commit_parcel(uow, claim, parcel)


def _reschedule(uow: UnitOfWork, claim: Claim) -> Claim:
    """Set a new wake-up if the last one has passed without a step, so that the sweep stops waking the claim."""
    if claim.due_at is None or uow.now < claim.due_at:
        return claim
    claim = update_claim(claim, now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_POSTPONED, reason_code=ReasonCode.NOTHING_TO_DO_YET)
    uow.commit()
    return claim


def _buy_return_label(uow: UnitOfWork, shipping: ShippingProvider, claim: Claim) -> Claim:
    parcel = parcel_of(claim)
    order = uow.orders.get(claim.order_id)
    label = shipping.find_label(shipment_id=parcel.id)
    if label is None:
        label = shipping.buy_label(
            LabelRequest(
                shipment_id=parcel.id,
                order_id=order.id,
                sender=private_of(uow, order=order).shipping_address,
                recipient=ship_from_of(uow, customer_id=order.seller_id, given=None),
                parcel=Parcel(),
                currency=order.currency,
            )
        )
    if label.state != LabelState.ISSUED:
        sought = abandon_label(parcel, now=uow.now)  # another worker may have been given one
        unwanted = msgspec.structs.replace(sought, label_wanted=False, reason_code=label.reason_code)
        claim = msgspec.structs.replace(claim, return_shipment=unwanted)
        claim = raise_issue(claim, Issue.RETURN_LABEL_REFUSED)
        claim = update_claim(claim, now=uow.now)
        uow.claims.save(
            claim, change_type=ChangeType.CLAIM_RETURN_LABEL_REFUSED, reason_code=free_code(label.reason_code)
        )
        uow.commit()
        return claim
    post_label(uow, provider=shipping.name, order=order, label=label, step="return_label_issued")
    private = msgspec.structs.replace(claim_private_of(uow, claim=claim), return_label_url=label.url)
    sealed = uow.vault.seal(private, owner_id=claim.buyer_id, entity_id=claim.id)
    send_by = uow.now + timedelta(hours=uow.tenant.policies.return_ship_hours)
    parcel = attach_label(parcel, label)
    claim = msgspec.structs.replace(claim, return_shipment=parcel, private=sealed, deadline_at=send_by)
    claim = transition_claim(claim, ClaimCommand.ISSUE_RETURN_LABEL, now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_LABEL_ISSUED)
    uow.commit()
    return claim


def _void_return_label(uow: UnitOfWork, partners: Partners, claim: Claim) -> Claim:
    """Void the unused label of a closed claim."""
    before, order = parcel_of(claim), uow.orders.get(claim.order_id)
    given = void_unused_label(uow, partners=partners, shipment=before)
    seeks = given.retry_at is not None
    if seeks and claim.due_at == given.retry_at:
        return claim
    claim = update_claim(msgspec.structs.replace(claim, return_shipment=given.shipment), now=uow.now)
    if seeks:
        claim = msgspec.structs.replace(claim, due_at=given.retry_at)
    uow.claims.save(
        claim, change_type=ChangeType.CLAIM_RETURN_LABEL_SOUGHT if seeks else ChangeType.CLAIM_RETURN_LABEL_VOIDED
    )
    if given.bought is not None:
        name = partners.shipping.name
        post_label(uow, provider=name, order=order, label=given.bought, step="return_label_issued")
    if given.was_voided and before.cost is not None:
        uow.ledger.post(ledger.label_void(order, before.cost, step="return_label_voided", at=uow.now))
    uow.commit()
    return claim


def _expire(uow: UnitOfWork, partners: Partners, claim: Claim) -> Claim:
    """Expire a claim at its deadline; if it has a label, the carrier is polled before."""
    if claim.status == ClaimStatus.RETURN_LABEL_ISSUED:
        parcel = parcel_of(claim)
        reference = parcel.provider_reference or ""
        events = partners.shipping.list_tracking(shipment_id=parcel.id, provider_reference=reference)
        found = msgspec.structs.replace(claim, return_shipment=record_events(parcel, events))
        if is_sent_back(found):
            return _commit_parcel(uow, claim, parcel_of(found))
    return close_claim(uow, claim=claim, command=ClaimCommand.EXPIRE, change_type=ChangeType.CLAIM_EXPIRED)


def _track_return(uow: UnitOfWork, shipping: ShippingProvider, claim: Claim) -> Claim:
    parcel = parcel_of(claim)
    events = shipping.list_tracking(shipment_id=parcel.id, provider_reference=parcel.provider_reference or "")
    found = record_events(parcel, events)
    if found is not parcel:
        return _commit_parcel(uow, claim, found)
    claim = update_claim(claim, now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_POLLED)
    uow.commit()
    return claim


def _refund_return(uow: UnitOfWork, claim: Claim) -> Claim:
    """Start the refund of a returned item; while another refund is pending, postpone it with back-off."""
    if claim.due_at is not None and uow.now < claim.due_at:
        return claim
    if not uow.orders.get(claim.order_id).is_refund_under_way:
        return _commit_parcel(uow, claim, parcel_of(claim))
    pause = max(REFUND_DUE, pause_after(claim.step_tries, longest=POLL_EVERY))
    claim = msgspec.structs.replace(
        update_claim(claim, now=uow.now), step_tries=claim.step_tries + 1, due_at=uow.now + pause
    )
    uow.claims.save(claim, change_type=ChangeType.CLAIM_POSTPONED, reason_code=ReasonCode.REFUND_UNDER_WAY)
    uow.commit()
    return claim


def _commit_parcel(uow: UnitOfWork, claim: Claim, parcel: Shipment) -> Claim:
    claim = msgspec.structs.replace(claim, return_shipment=parcel)
    order = uow.orders.get(claim.order_id) if is_sent_back(claim) else None
    scanned = order is not None and not order.is_refund_under_way
    if order is not None and scanned:
        claim = msgspec.structs.replace(claim, refund_amount=order.remaining_minor)
        claim = transition_claim(claim, ClaimCommand.SCAN_RETURN, now=uow.now)
        begin_claim_refund(uow, order=order, amount=order.remaining_minor, claim=claim)
    else:
        claim = update_claim(claim, now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_SCANNED if scanned else ChangeType.CLAIM_RETURN_TRACKED)
    uow.commit()
    return claim
