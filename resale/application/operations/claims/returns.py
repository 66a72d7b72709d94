"""The return of a claimed item: its label, its parcel, and the deadlines of the claim."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, TypeVar

import msgspec

from resale.application.operations.access import authorize, require_version
from resale.application.operations.claims.transitions import (
    begin_claim_refund,
    claim_private_of,
    close_claim,
)
from resale.application.operations.claims.voids import settle_return_void
from resale.application.operations.orders.label_requests import build_label_request
from resale.application.operations.orders.labels import post_label, void_unused_label
from resale.application.operations.orders.transitions import private_of, scan_grace
from resale.application.operations.sellers import ship_from_of
from resale.application.ports import Partners, ShippingProvider, UnitOfWork
from resale.domain import ledger
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.claims import (
    CLAIMS,
    POLL_EVERY,
    REFUND_DUE,
    Claim,
    ClaimCommand,
    ClaimNotFound,
    ClaimStatus,
    ClaimStep,
    is_refund_due,
    is_sent_back,
    next_claim_step,
    parcel_of,
    refunds_at_once,
    schedule_claim,
    transition_claim,
    update_claim,
)
from resale.domain.customs import Contents, CustomsDataMissing
from resale.domain.ids import ClaimId
from resale.domain.issues import Issue, WithIssues, clear_issues, raise_issue
from resale.domain.order_steps import update_order
from resale.domain.orders import Order
from resale.domain.parcel_news import RETURN_ISSUES, Effect, effect_on_return, news_of
from resale.domain.partners import pause_after
from resale.domain.reasons import ReasonCode, free_code
from resale.domain.sellers import seller_id_of
from resale.domain.shipments import (
    Label,
    LabelState,
    Shipment,
    TrackingEvent,
    abandon_label,
    attach_label,
    bound_events,
    record_events,
    refused_label,
)

E = TypeVar("E", bound=WithIssues)


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
    return _STEPS[next_claim_step(claim, now=uow.now)](uow, partners, claim)


def record_return_tracking(uow: UnitOfWork, *, claim_id: ClaimId, events: tuple[TrackingEvent, ...]) -> Claim:
    """Record a carrier's tracking events of a return; the first scan, or its arrival, starts the refund.

    What staff must know of is the table ``resale.domain.parcel_news.RETURN_EFFECTS``.

    Shape: reads 1-2 items; commits at most 2 (``claim.return_scanned`` with ``order.refund_started``, or
    ``claim.return_tracked`` with ``order.return_tracked``). Known reports: no-op.

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
    parcel = _apply_events(uow, claim, events)
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
    parcel = _apply_events(uow, claim, (event,))
    if parcel is claim.return_shipment:
        return claim
    require_version(uow, entity=claim)
    return _commit_parcel(uow, claim, parcel)


def _reschedule(uow: UnitOfWork, _partners: Partners, claim: Claim) -> Claim:
    """Set a new wake-up if the last one has passed without a step, so that the sweep stops waking the claim."""
    if claim.due_at is None or uow.now < claim.due_at:
        return claim
    claim = update_claim(claim, now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_POSTPONED, reason_code=ReasonCode.NOTHING_TO_DO_YET)
    uow.commit()
    return claim


def _seek_address(uow: UnitOfWork, partners: Partners, claim: Claim) -> Claim:
    """Request the return label as soon as the seller's address is known."""
    seller = uow.sellers.find(seller_id_of(claim.seller_id))
    if seller is None or not seller.ships_from_known:
        return _reschedule(uow, partners, claim)
    parcel = msgspec.structs.replace(parcel_of(claim), label_wanted=True)
    claim = clear_issues(msgspec.structs.replace(claim, return_shipment=parcel), Issue.RETURN_LABEL_MISSING)
    claim = update_claim(claim, now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_LABEL_REQUESTED)
    uow.commit()
    return claim


def _buy_return_label(uow: UnitOfWork, partners: Partners, claim: Claim) -> Claim:
    shipping, parcel = partners.shipping, parcel_of(claim)
    order = uow.orders.get(claim.order_id)
    label = shipping.find_label(shipment_id=parcel.id)
    if label is None:
        label = _buy(uow, shipping, order=order, shipment=parcel)
    if label.state != LabelState.ISSUED:
        sought = abandon_label(parcel, now=uow.now)  # another worker may have been given one
        unwanted = msgspec.structs.replace(sought, label_wanted=False, reason_code=label.reason_code)
        private = msgspec.structs.replace(claim_private_of(uow, claim=claim), return_label_message=label.message)
        sealed = uow.vault.seal(private, owner_id=claim.buyer_id, entity_id=claim.id)
        claim = msgspec.structs.replace(claim, return_shipment=unwanted, private=sealed)
        claim = raise_issue(claim, Issue.RETURN_LABEL_REFUSED)
        claim = update_claim(claim, now=uow.now)
        uow.claims.save(
            claim, change_type=ChangeType.CLAIM_RETURN_LABEL_REFUSED, reason_code=free_code(label.reason_code)
        )
        uow.commit()
        return claim
    post_label(uow, provider=shipping.name, order=order, label=label, step="return_label_issued")
    private = msgspec.structs.replace(
        claim_private_of(uow, claim=claim), return_label_url=label.url, return_label_message=None
    )
    sealed = uow.vault.seal(private, owner_id=claim.buyer_id, entity_id=claim.id)
    send_by = uow.now + timedelta(hours=uow.tenant.policies.return_ship_hours)
    parcel = attach_label(parcel, label)
    claim = msgspec.structs.replace(claim, return_shipment=parcel, private=sealed, deadline_at=send_by)
    claim = msgspec.structs.replace(claim, expires_at=send_by + scan_grace(uow))
    claim = transition_claim(claim, ClaimCommand.ISSUE_RETURN_LABEL, now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_LABEL_ISSUED)
    uow.commit()
    return claim


def _settle_return_void(uow: UnitOfWork, partners: Partners, claim: Claim) -> Claim:
    return settle_return_void(uow, partners=partners, claim=claim)


def _buy(uow: UnitOfWork, shipping: ShippingProvider, *, order: Order, shipment: Shipment) -> Label:
    try:
        request = build_label_request(
            uow,
            order=order,
            shipment_id=shipment.id,
            sender=private_of(uow, order=order).shipping_address,
            recipient=ship_from_of(uow, customer_id=order.seller_id, given=None),
            contents=Contents.RETURNED_GOODS,
        )
    except CustomsDataMissing as refusal:
        return refused_label(refusal.code)
    return shipping.buy_label(request)


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
    pending = given.is_pending
    voided = ChangeType.CLAIM_RETURN_LABEL_VOID_REQUESTED if pending else ChangeType.CLAIM_RETURN_LABEL_VOIDED
    uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_LABEL_SOUGHT if seeks else voided)
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
        found = _poll_events(uow, partners.shipping, claim)
        if news_of(found) != news_of(parcel):
            return _commit_parcel(uow, claim, found)
    return close_claim(uow, claim=claim, command=ClaimCommand.EXPIRE, change_type=ChangeType.CLAIM_EXPIRED)


def _track_return(uow: UnitOfWork, partners: Partners, claim: Claim) -> Claim:
    found = _poll_events(uow, partners.shipping, claim)
    if found is not claim.return_shipment:
        return _commit_parcel(uow, claim, found)
    claim = update_claim(claim, now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_POLLED)
    uow.commit()
    return claim


def _refund_return(uow: UnitOfWork, _partners: Partners, claim: Claim) -> Claim:
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


def _apply_events(uow: UnitOfWork, claim: Claim, events: tuple[TrackingEvent, ...]) -> Shipment:
    return record_events(parcel_of(claim), bound_events(events, since=claim.created_at, now=uow.now))


def _poll_events(uow: UnitOfWork, shipping: ShippingProvider, claim: Claim) -> Shipment:
    parcel = parcel_of(claim)
    events = shipping.list_tracking(shipment_id=parcel.id, provider_reference=parcel.provider_reference or "")
    return _apply_events(uow, claim, events)


def _commit_parcel(uow: UnitOfWork, claim: Claim, parcel: Shipment) -> Claim:
    """Commit the news of a return: a transition, a refund, an issue for staff, or only the record of it."""
    news = news_of(parcel)
    effect = effect_on_return(claim, news) if news != news_of(claim.return_shipment) else Effect()
    claim = msgspec.structs.replace(claim, return_shipment=parcel)
    if is_sent_back(claim) or is_refund_due(claim, uow.now):
        return _accept_return(uow, claim)
    is_open = claim.status not in CLAIMS.final and claim.refund_amount is None
    if is_open:
        claim = _with_issue(claim, effect) if parcel.shipped_at is not None else claim
    elif (order := _order_with_issue(uow, claim, effect)) is not None:
        uow.orders.save(order, change_type=ChangeType.ORDER_RETURN_TRACKED)
    claim = update_claim(claim, now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_TRACKED)
    uow.commit()
    return claim


def _accept_return(uow: UnitOfWork, claim: Claim) -> Claim:
    """Commit a return that the carrier has: its refund starts, now or at its arrival, or after another refund."""
    effect = effect_on_return(claim, news_of(claim.return_shipment))
    order, is_due = uow.orders.get(claim.order_id), refunds_at_once(claim) or is_refund_due(claim, uow.now)
    if is_due and order.is_refund_under_way:
        claim = update_claim(claim, now=uow.now)
        uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_TRACKED)
        uow.commit()
        return claim
    if claim.status != ClaimStatus.RETURN_IN_TRANSIT:
        arrives_by = uow.now + timedelta(days=uow.tenant.policies.auto_receive_days)
        claim = msgspec.structs.replace(claim, expires_at=arrives_by)
        claim = transition_claim(claim, ClaimCommand.SCAN_RETURN, now=uow.now)
    else:
        claim = update_claim(claim, now=uow.now)
    if is_due:
        claim = msgspec.structs.replace(claim, refund_amount=order.remaining_minor)
        order = _with_issue(order, effect)
        begin_claim_refund(uow, order=order, amount=order.remaining_minor, claim=claim)
    claim = schedule_claim(clear_issues(claim, *RETURN_ISSUES), now=uow.now)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_RETURN_SCANNED)
    uow.commit()
    return claim


def _order_with_issue(uow: UnitOfWork, claim: Claim, effect: Effect) -> Order | None:
    """Return the order of a claim whose money has moved, with the issue of the news; None: nothing changes."""
    if effect.issue is None and not effect.is_settled:
        return None
    order = uow.orders.get(claim.order_id)
    changed = _with_issue(order, effect)
    return None if changed is order else update_order(changed, now=uow.now)


def _with_issue(entity: E, effect: Effect) -> E:
    """Return an order or a claim with the issue of the latest news of a return, and without those of earlier news."""
    if effect.issue is None:
        return clear_issues(entity, *RETURN_ISSUES) if effect.is_settled else entity
    return raise_issue(clear_issues(entity, *RETURN_ISSUES), effect.issue)


_S = ClaimStep
#: step → what runs it. A test holds every step to a row.
_STEPS: Final[Mapping[ClaimStep, Callable[[UnitOfWork, Partners, Claim], Claim]]] = {
    _S.REFUND_RETURN: _refund_return,
    _S.VOID_RETURN_LABEL: _void_return_label,
    _S.SETTLE_RETURN_VOID: _settle_return_void,
    _S.EXPIRE: _expire,
    _S.SEEK_ADDRESS: _seek_address,
    _S.BUY_RETURN_LABEL: _buy_return_label,
    _S.TRACK_RETURN: _track_return,
    _S.NOTHING: _reschedule,
}
