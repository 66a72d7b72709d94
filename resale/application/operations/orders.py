"""What happens to an order: submitted by a buyer, paid step by step, confirmed or cancelled."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET

from resale.application.operations.customers import Shopper, enrol_shopper
from resale.application.operations.idempotency import CommandKey, record_command
from resale.application.ports import PaymentProvider, UnitOfWork
from resale.domain.access import Action, Principal, Role, permits, role_towards
from resale.domain.ids import CustomerId, OrderId, PaymentId
from resale.domain.listings import (
    Listing,
    ListingCommand,
    ListingNotForSale,
    ListingNotFound,
    ListingStatus,
)
from resale.domain.listings import next_status as next_listing_status
from resale.domain.money import Money, share
from resale.domain.orders import (
    PAYMENT_HOLD,
    STEP_DUE,
    Amounts,
    Commission,
    ListingSnapshot,
    NewOrder,
    Order,
    OrderChanged,
    OrderCommand,
    OrderNotFound,
    OrderPrivate,
    OrderStatus,
    OrderStep,
    OwnListing,
    next_status,
    next_step,
    price_order,
)
from resale.domain.payments import PaymentAttempt, PaymentOutcome, PaymentState
from resale.errors import Forbidden

COMMISSION_RULE: Final = "2026-1"


def submit_order(*, uow: UnitOfWork, shopper: Shopper, new: NewOrder, key: CommandKey | None, now: datetime) -> Order:
    """Buy a listing: it is reserved and the order exists, in one transaction.

    Shape: reads at most 2 items; commits 1 order and 1 listing (``order.submitted``, ``listing.reserved``), with the
    buyer's customer on their first write and the command's record.

    Args:
        uow: Fresh; committed here once.
        shopper: The buyer.
        new: Validated by its own types; the address is sealed under the buyer's key.
        key: The command's key.
        now: Moment of the request, aware UTC.

    Returns:
        The order, ``status`` submitted; the workflow takes it from there.

    Raises:
        ListingNotFound: None that a buyer may see.
        ListingNotForSale: Reserved, sold or in review, from a status that was read.
        OwnListing: Nobody buys their own.
        IdempotencyConflict: The key was used before.
        Conflict: Another writer won and the listing is still on sale; read again and retry.
    """
    buyer_id = enrol_shopper(uow=uow, shopper=shopper, now=now)
    listing = uow.listings.get(new.listing_id)
    _check_buyable(listing, buyer_id)
    order = _new_order(uow=uow, listing=listing, buyer_id=buyer_id, new=new, now=now)
    reserved = msgspec.structs.replace(
        listing,
        status=next_listing_status(listing.status, ListingCommand.RESERVE),
        version=listing.version + 1,
        order_id=order.id,
        updated_at=now,
    )
    record_command(uow=uow, key=key, entity_id=order.id)
    uow.orders.add(order, change_type="order.submitted")
    uow.listings.save(reserved, change_type="listing.reserved", lost=_not_for_sale)
    uow.commit()
    return order


def cancel_order(
    *, uow: UnitOfWork, principal: Principal, order_id: OrderId, expected_version: int | None = None, now: datetime
) -> Order:
    """Cancel an order; while a payment runs this is a request that the step honours.

    Shape: reads 1-2 items; commits 1-2 (``order.cancelled`` with ``listing.released``, or ``order.cancel_requested``).
    Said again: no-op.

    Args:
        uow: Fresh; committed here once.
        principal: The buyer, the brand or a manager.
        order_id: Which.
        expected_version: What the client read (If-Match), or None.
        now: Moment of the request, aware UTC.

    Returns:
        The order: cancelled, or with ``cancel_requested``.

    Raises:
        OrderNotFound: None that the caller may see.
        Forbidden: Seen, but not theirs to cancel.
        OrderTransitionRefused: Confirmed already.
        Conflict: Another writer won, or the version is not the expected one.
    """
    order = uow.orders.get(order_id)
    role = role_towards(principal, owner_id=order.buyer_id, counterparty_id=order.seller_id)
    if not permits(Action.VIEW_ORDER, role, order.status):
        raise OrderNotFound
    if not permits(Action.CANCEL_ORDER, role, order.status):
        raise Forbidden("Only the buyer or the brand may cancel.")
    if order.status in {OrderStatus.CANCELLED, OrderStatus.PAYMENT_FAILED} or order.cancel_requested:
        return order
    if expected_version not in {None, order.version}:
        raise OrderChanged(f"The order is at version {order.version} by now; read it again.")
    reason = "buyer_cancelled" if role == Role.OWNER else "brand_cancelled"
    if order.status == OrderStatus.PAYMENT_PENDING:
        return _request_cancel(uow=uow, order=order, reason=reason, now=now)
    return _cancel(uow=uow, order=order, reason=reason, now=now)


def advance_order(*, uow: UnitOfWork, payments: PaymentProvider, order_id: OrderId, now: datetime) -> Order:
    """Take an order's next step, whatever it is: every message about it ends here.

    Shape: reads 1-2 items; at most one partner call with its look-up; commits at most once. Nothing to do: no-op.

    Args:
        uow: Fresh; committed here at most once.
        payments: The tenant's payment provider.
        order_id: Which.
        now: Moment of the task, aware UTC.

    Returns:
        The order as it stands.

    Raises:
        OrderNotFound: No such order.
        Unavailable: The partner's answer is not known; nothing was committed and the step is asked for again.
        Conflict: Another worker was faster; read again.
    """
    order = uow.orders.get(order_id)
    step = next_step(order)
    if step == OrderStep.START_PAYMENT:
        return _start_payment(uow=uow, order=order, now=now)
    if step == OrderStep.SETTLE_PAYMENT:
        return _settle_payment(uow=uow, payments=payments, order=order, now=now)
    if step == OrderStep.CANCEL:
        return _cancel(uow=uow, order=order, reason=order.cancel_reason or "payment_declined", now=now)
    return order


# ---------------------------------------------------------------- steps
def _start_payment(*, uow: UnitOfWork, order: Order, now: datetime) -> Order:
    """Commit the attempt; its id is the partner's idempotency key, so it exists before the partner is called."""
    attempt = PaymentAttempt(id=PaymentId(uow.ids("pay")), started_at=now)
    order = _moved(order, OrderCommand.START_PAYMENT, payment=attempt, due_at=now + STEP_DUE, updated_at=now)
    uow.orders.save(order, change_type="order.payment_started")
    uow.commit()
    return order


def _settle_payment(*, uow: UnitOfWork, payments: PaymentProvider, order: Order, now: datetime) -> Order:
    """Ask the partner, pay if it knows of nothing, and commit what it says."""
    attempt = _attempt_of(order)
    outcome = payments.find_charge(attempt_id=attempt.id)
    if outcome is None and not order.cancel_requested and now < order.hold_expires_at:
        amount = Money(amount=order.amounts.grand_total, currency=order.amounts.currency)
        token = _token_of(uow, order)
        outcome = payments.charge(attempt_id=attempt.id, order_id=order.id, amount=amount, token=token)
    if outcome is None or (outcome.state == PaymentState.CAPTURED and order.cancel_requested):
        outcome = payments.refund(attempt_id=attempt.id)
    if outcome.state == PaymentState.CAPTURED:
        return _confirm(uow=uow, order=order, outcome=outcome, now=now)
    return _fail_payment(uow=uow, order=order, outcome=outcome, now=now)


def _confirm(*, uow: UnitOfWork, order: Order, outcome: PaymentOutcome, now: datetime) -> Order:
    listing = uow.listings.get(order.listing_id)
    sold = msgspec.structs.replace(
        listing,
        status=next_listing_status(listing.status, ListingCommand.SELL),
        version=listing.version + 1,
        updated_at=now,
    )
    order = _moved(
        order,
        OrderCommand.CONFIRM,
        payment=msgspec.structs.replace(_attempt_of(order), outcome=outcome),
        confirmed_at=now,
        updated_at=now,
        due_at=None,
    )
    uow.orders.save(order, change_type="order.confirmed")
    uow.listings.save(sold, change_type="listing.sold")
    uow.commit()
    return order


def _fail_payment(*, uow: UnitOfWork, order: Order, outcome: PaymentOutcome, now: datetime) -> Order:
    reason = order.cancel_reason or ("payment_declined" if outcome.state == PaymentState.DECLINED else "hold_expired")
    order = _moved(
        order,
        OrderCommand.FAIL_PAYMENT,
        payment=msgspec.structs.replace(_attempt_of(order), outcome=outcome),
        cancel_reason=reason,
        updated_at=now,
        due_at=now + STEP_DUE,
    )
    uow.orders.save(order, change_type="order.payment_failed", reason_code=reason)
    uow.commit()
    return order


def _cancel(*, uow: UnitOfWork, order: Order, reason: str, now: datetime) -> Order:
    """Cancel and put the listing back on sale, together."""
    order = _moved(order, OrderCommand.CANCEL, cancel_reason=reason, updated_at=now, due_at=None)
    listing = uow.listings.get(order.listing_id)
    released = msgspec.structs.replace(
        listing,
        status=next_listing_status(listing.status, ListingCommand.RELEASE),
        version=listing.version + 1,
        order_id=None,
        updated_at=now,
    )
    uow.orders.save(order, change_type="order.cancelled", reason_code=reason)
    uow.listings.save(released, change_type="listing.released", reason_code=reason)
    uow.commit()
    return order


def _request_cancel(*, uow: UnitOfWork, order: Order, reason: str, now: datetime) -> Order:
    order = msgspec.structs.replace(
        order,
        version=order.version + 1,
        cancel_requested=True,
        cancel_reason=reason,
        updated_at=now,
        due_at=now + STEP_DUE,
    )
    uow.orders.save(order, change_type="order.cancel_requested", reason_code=reason)
    uow.commit()
    return order


# ---------------------------------------------------------------- parts
def _check_buyable(listing: Listing, buyer_id: CustomerId) -> None:
    role = role_towards(Principal(customer_id=buyer_id), owner_id=listing.seller_id)
    if not permits(Action.VIEW_LISTING, role, listing.status):
        raise ListingNotFound
    if role == Role.OWNER:
        raise OwnListing("This is your own listing.")
    if not permits(Action.BUY_LISTING, role, listing.status):
        raise ListingNotForSale(f"The listing is {listing.status}.")


def _not_for_sale(status: str) -> ListingNotForSale | None:
    return None if status == ListingStatus.ACTIVE else ListingNotForSale(f"The listing is {status}.")


def _new_order(*, uow: UnitOfWork, listing: Listing, buyer_id: CustomerId, new: NewOrder, now: datetime) -> Order:
    order_id = OrderId(uow.ids("ord"))
    private = OrderPrivate(shipping_address=new.shipping_address, payment_token=new.payment_token)
    amounts = price_order(listing.price)
    return Order(
        id=order_id,
        version=1,
        livemode=not uow.tenant.sandbox,
        listing_id=listing.id,
        buyer_id=buyer_id,
        seller_id=listing.seller_id,
        market=listing.market,
        locale=uow.tenant.locale,
        listing=_snapshot_of(listing),
        amounts=amounts,
        commission=_commission_on(amounts, uow.tenant.commission_basis_points),
        hold_expires_at=now + PAYMENT_HOLD,
        created_at=now,
        updated_at=now,
        due_at=now + STEP_DUE,
        private=uow.vault.seal(private, owner_id=buyer_id, entity_id=order_id),
    )


def _snapshot_of(listing: Listing) -> ListingSnapshot:
    return ListingSnapshot(
        listing_id=listing.id,
        version=listing.version,
        title=listing.title,
        product=listing.product,
        condition=listing.condition,
        photo_sha256s=tuple(rendition.sha256 for photo in listing.photos for rendition in photo.renditions),
    )


def _commission_on(amounts: Amounts, basis_points: int) -> Commission:
    return Commission(
        basis_points=basis_points,
        base=amounts.item_total,
        amount=share(amounts.item_total, basis_points),
        rule_version=COMMISSION_RULE,
    )


def _attempt_of(order: Order) -> PaymentAttempt:
    if order.payment is None:
        raise TypeError("a pending payment has an attempt")
    return order.payment


def _token_of(uow: UnitOfWork, order: Order) -> str:
    if order.private is UNSET:
        raise TypeError("an order has a sealed part")
    private = uow.vault.open(order.private, OrderPrivate, owner_id=order.buyer_id, entity_id=order.id)
    return private.payment_token


def _moved(order: Order, command: OrderCommand, **fields: object) -> Order:
    status = next_status(order.status, command)
    return msgspec.structs.replace(order, status=status, version=order.version + 1, **fields)
