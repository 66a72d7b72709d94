"""The payment of an order: authorised and captured while the listing is reserved, or voided. One call a step."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from resale.application.operations.orders.mismatches import report_mismatch
from resale.application.operations.orders.transitions import move_listing, payment_request, scan_grace
from resale.application.ports import Partners, UnitOfWork
from resale.domain import ledger
from resale.domain.calendars import add_business_days
from resale.domain.changes import ChangeType
from resale.domain.disputes import forget_mismatch
from resale.domain.ids import PAYMENT_ID, SHIPMENT_ID
from resale.domain.listings import ListingCommand
from resale.domain.money import Money
from resale.domain.order_steps import (
    POLL_EVERY,
    hold_of,
    payment_of,
    shipment_of,
    transfer_id_of,
    transition_order,
    update_order,
)
from resale.domain.orders import Order, OrderCommand
from resale.domain.payments import (
    REQUEST_VERSION,
    Payment,
    PaymentCommand,
    PaymentOutcome,
    PaymentState,
    PaymentStatus,
    transition_payment,
)
from resale.domain.reasons import ReasonCode
from resale.domain.sellers import seller_id_of
from resale.domain.shipments import Shipment
from resale.domain.transfers import Transfer

_LOST: Final = {PaymentState.DECLINED: PaymentCommand.FAIL, PaymentState.VOIDED: PaymentCommand.VOID}


def start_payment(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Commit the attempt before the provider is called; its id is the provider's idempotency key."""
    payment = Payment(id=PAYMENT_ID.new(uow.ids), started_at=uow.now, request_version=REQUEST_VERSION)
    order = transition_order(msgspec.structs.replace(order, payment=payment), OrderCommand.START_PAYMENT, now=uow.now)
    uow.orders.save(order, change_type=ChangeType.ORDER_PAYMENT_STARTED)
    uow.commit()
    return order


def authorise_payment(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Check the attempt at the provider, authorise it if needed, and commit the result."""
    payments, request = partners.payments, payment_request(uow, order=order)
    outcome = payments.find_payment(request) or payments.authorise(request)
    return _commit_outcome(uow, provider=payments.name, order=order, outcome=outcome)


def capture_payment(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Check the attempt at the provider, capture it if it is authorised, and commit the result."""
    payments, request = partners.payments, payment_request(uow, order=order)
    outcome = payments.find_payment(request)
    if outcome is None or outcome.state == PaymentState.AUTHORIZED:
        outcome = payments.capture(request)
    return _commit_outcome(uow, provider=payments.name, order=order, outcome=outcome)


def void_payment(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:
    """Void the attempt. If it was captured before, the sale is confirmed and cancelled with a refund."""
    payments = partners.payments
    outcome = payments.void(payment_request(uow, order=order))
    return _commit_outcome(uow, provider=payments.name, order=order, outcome=outcome)


def post_missing_sale(uow: UnitOfWork, *, partners: Partners, order: Order) -> Order:  # noqa: ARG001 - as every step
    """Post the sale of an order that was paid before sales were posted."""
    return post_sale(uow, order=order)


def post_sale(uow: UnitOfWork, *, order: Order) -> Order:
    """Add transfer, ledger transaction and deadline to an order that was paid before sales were posted.

    It is booked for the day it was paid, as the provider has it; the time to ship begins now.
    """
    seller = uow.sellers.find(seller_id_of(order.seller_id))
    knows_sender = seller is not None and seller.ships_from_known
    order = update_order(
        msgspec.structs.replace(
            order,
            commission_posting=uow.tenant.policies.commission_posting,
            ship_by=(ship_by := _ship_by(uow, order)),
            ship_late_at=ship_by + scan_grace(uow),
            shipment=msgspec.structs.replace(shipment_of(order), label_wanted=knows_sender),
        ),
        now=uow.now,
    )
    uow.orders.save(order, change_type=ChangeType.ORDER_SALE_BOOKED)
    uow.transfers.add(_new_transfer(uow, order), change_type=ChangeType.TRANSFER_HELD)
    uow.ledger.post(ledger.capture(order, at=order.confirmed_at or uow.now))
    uow.commit()
    return order


def _ship_by(uow: UnitOfWork, order: Order) -> datetime:
    return add_business_days(uow.now, uow.tenant.policies.ship_by_business_days, market=order.market)


def _commit_outcome(uow: UnitOfWork, *, provider: str, order: Order, outcome: PaymentOutcome) -> Order:
    payment = payment_of(order)
    if outcome.provider_reference != payment.provider_reference:
        uow.references.add(provider=provider, reference=outcome.provider_reference, entity_id=order.id)
        payment = msgspec.structs.replace(payment, provider_reference=outcome.provider_reference)
    if outcome.state == PaymentState.CAPTURED:
        return _commit_captured(uow, order=order, payment=payment, outcome=outcome)
    if outcome.state in _LOST:
        return _fail(uow, order=order, payment=payment, outcome=outcome)
    return _wait(uow, order=order, payment=payment, outcome=outcome)


def _wait(uow: UnitOfWork, *, order: Order, payment: Payment, outcome: PaymentOutcome) -> Order:
    """Store the interim result: the payment is authorised, or requires an action of the buyer."""
    if outcome.state == PaymentState.AUTHORIZED and payment.status != PaymentStatus.AUTHORIZED:
        payment = transition_payment(msgspec.structs.replace(payment, action_url=None), PaymentCommand.AUTHORIZE)
        change_type = ChangeType.ORDER_PAYMENT_AUTHORIZED
    elif payment.status == PaymentStatus.STARTED:
        payment = transition_payment(
            msgspec.structs.replace(payment, action_url=outcome.action_url), PaymentCommand.REQUIRE_ACTION
        )
        change_type = ChangeType.ORDER_PAYMENT_REQUIRES_ACTION
    elif order.due_at is not None and uow.now < order.due_at:
        return order  # asked again before its time; the same response
    else:
        change_type = ChangeType.ORDER_PAYMENT_AWAITED
    order = update_order(msgspec.structs.replace(order, payment=payment), now=uow.now)
    uow.orders.save(order, change_type=change_type)
    uow.commit()
    return order


def _commit_captured(uow: UnitOfWork, *, order: Order, payment: Payment, outcome: PaymentOutcome) -> Order:
    """Commit the sale if the whole amount was captured in the order's currency.

    Somebody can capture a part in the provider's dashboard (docs.stripe.com/payments/place-a-hold-on-a-payment-method:
    the rest is released). Nothing is posted then as if it were all, and nothing is shipped: staff decide. When the
    order is cancelled, the part is refunded.
    """
    total = Money(amount=order.amounts.grand_total, currency=order.currency)
    captured = outcome.captured or total
    if captured == total:
        return _confirm(uow, order=forget_mismatch(order, reference=outcome.provider_reference), payment=payment)
    is_part = captured.currency == total.currency and 0 < captured.amount < total.amount
    if order.cancel_requested and is_part:
        order = forget_mismatch(order, reference=outcome.provider_reference)
        return _cancel_part(uow, order=order, payment=payment, captured_minor=captured.amount)
    is_known = outcome.provider_reference in order.unposted
    if is_known and order.due_at is not None and uow.now < order.due_at:
        return order
    order = msgspec.structs.replace(order, payment=msgspec.structs.replace(payment, action_url=None))
    return report_mismatch(uow, order=order, reference=outcome.provider_reference, retry_at=uow.now + POLL_EVERY)


def _cancel_part(uow: UnitOfWork, *, order: Order, payment: Payment, captured_minor: int) -> Order:
    """Commit a part that was captured, for an order that is cancelled; its refund follows."""
    captured = msgspec.structs.replace(
        payment, captured_minor=captured_minor, action_url=None, watched_until=_watched_until(uow)
    )
    order = transition_order(
        msgspec.structs.replace(
            order,
            payment=transition_payment(captured, PaymentCommand.CAPTURE),
            confirmed_at=uow.now,
            ship_by=uow.now,
            shipment=Shipment(id=SHIPMENT_ID.sibling_of(order.id)),
        ),
        OrderCommand.BEGIN_CANCEL,
        now=uow.now,
    )
    uow.orders.save(order, change_type=ChangeType.ORDER_CANCELLING, reason_code=order.cancel_reason)
    _commit_sale(uow, order=order)
    return order


def _confirm(uow: UnitOfWork, *, order: Order, payment: Payment) -> Order:
    """Commit the sale: order, listing, the held transfer and the ledger transaction, in one commit."""
    seller = uow.sellers.find(seller_id_of(order.seller_id))
    total = order.amounts.grand_total
    order = transition_order(
        msgspec.structs.replace(
            order,
            payment=transition_payment(
                msgspec.structs.replace(
                    payment, captured_minor=total, action_url=None, watched_until=_watched_until(uow)
                ),
                PaymentCommand.CAPTURE,
            ),
            commission_posting=uow.tenant.policies.commission_posting,
            confirmed_at=uow.now,
            ship_by=(ship_by := _ship_by(uow, order)),
            ship_late_at=ship_by + scan_grace(uow),
            shipment=Shipment(
                id=SHIPMENT_ID.sibling_of(order.id), label_wanted=seller is not None and seller.ships_from_known
            ),
        ),
        OrderCommand.CONFIRM,
        now=uow.now,
    )
    uow.orders.save(order, change_type=ChangeType.ORDER_CONFIRMED)
    _commit_sale(uow, order=order)
    return order


def _commit_sale(uow: UnitOfWork, *, order: Order) -> None:
    """Commit a captured payment with an order that was saved: listing, held transfer, ledger transaction."""
    move_listing(uow, order=order, command=ListingCommand.SELL, change_type=ChangeType.LISTING_SOLD)
    uow.holds.remove(order.buyer_id, hold_of(order))
    uow.transfers.add(_new_transfer(uow, order), change_type=ChangeType.TRANSFER_HELD)
    uow.ledger.post(ledger.capture(order, at=uow.now))
    uow.commit()


def _watched_until(uow: UnitOfWork) -> datetime | None:
    """Return until when a payment is polled for refunds and disputes whose webhook was lost; None: never."""
    days = uow.tenant.policies.payment_watch_days
    return uow.now + timedelta(days=days) if days else None


def _new_transfer(uow: UnitOfWork, order: Order) -> Transfer:
    return Transfer(
        id=transfer_id_of(order),
        version=1,
        livemode=order.livemode,
        order_id=order.id,
        seller_id=order.seller_id,
        amount=ledger.captured_parts(order).seller,
        currency=order.currency,
        created_at=uow.now,
        updated_at=uow.now,
    )


def _fail(uow: UnitOfWork, *, order: Order, payment: Payment, outcome: PaymentOutcome) -> Order:
    declined = outcome.state == PaymentState.DECLINED
    reason = order.cancel_reason or (ReasonCode.PAYMENT_DECLINED if declined else ReasonCode.HOLD_EXPIRED)
    order = transition_order(
        msgspec.structs.replace(
            order,
            payment=transition_payment(
                msgspec.structs.replace(
                    payment, reason_code=outcome.reason_code, partner_message=outcome.message, action_url=None
                ),
                _LOST[outcome.state],
            ),
            cancel_reason=reason,
        ),
        OrderCommand.FAIL_PAYMENT,
        now=uow.now,
    )
    uow.orders.save(order, change_type=ChangeType.ORDER_PAYMENT_FAILED, reason_code=reason)
    uow.commit()
    return order
