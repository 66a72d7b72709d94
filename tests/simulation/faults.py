"""Faults that somebody might write one day, and the check that must see each: the checks are worth what they catch."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import msgspec
from msgspec import UNSET

from resale.adapters.dynamodb import buffer
from resale.adapters.dynamodb import holds as holds_adapter
from resale.adapters.dynamodb import ledger as ledger_adapter
from resale.adapters.dynamodb.audited import AuditedRepository
from resale.adapters.dynamodb.history import DynamoDBHistory
from resale.adapters.dynamodb.holds import DynamoDBHolds
from resale.adapters.dynamodb.ledger import DynamoDBLedger
from resale.application.operations import account_movements, inbound
from resale.application.operations.claims import deciding, returns
from resale.application.operations.listings import pausing, relisting, reviewing
from resale.application.operations.orders import (
    advancing,
    cancelling,
    completing,
    freezing,
    labels,
    parcel_news,
    paying,
    refunding,
    returned_refunds,
    settling,
    submitting,
    tracking,
)
from resale.application.operations.orders import reviewing as reviewing_payments
from resale.application.operations.orders.transitions import payment_request
from resale.application.operations.payouts import advancing as paying_out
from resale.application.operations.payouts import reversals, selecting
from resale.application.operations.payouts import starting as starting_payouts
from resale.application.operations.purchases import move_unit
from resale.application.ports import UnitOfWork
from resale.domain import amount_rules, compensation_ledger, ledger, listings, order_steps, payment_reviews, quotes
from resale.domain.amount_rules import AmountRules, rules_of
from resale.domain.changes import ChangeType
from resale.domain.ids import ORDER_ID, ListingId
from resale.domain.ledger import LedgerTransaction
from resale.domain.listings import LISTINGS, Listing, ListingCommand, ListingStatus
from resale.domain.order_states import ORDERS
from resale.domain.order_steps import OrderStep, update_order
from resale.domain.orders import Amounts, Order, OrderCommand, OrderStatus, with_refund
from resale.domain.partners import PartnerUnavailable, Provider
from resale.domain.payments import DisputeStatus, PaymentOutcome, PaymentState, RefundParts, RefundState
from resale.domain.payout_failures import FailureCause
from resale.domain.payouts import PAYOUTS, PayoutCommand, PayoutState, PayoutStatus
from resale.domain.purchases import Purchase
from resale.domain.shipments import SHIPMENTS, ShipmentStatus, VoidState
from resale.domain.states import Row
from resale.domain.transfers import TransferStatus
from tests.simulation.bank import Bank
from tests.simulation.chance import Odds
from tests.simulation.planting import replaced, replaced_row

_replace = msgspec.structs.replace


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is broken and the check that must see it; ``weights`` and ``odds`` make what shows it likelier."""

    name: str
    broken: str
    caught_by: str
    plant: Callable[[], AbstractContextManager[None]]
    weights: Mapping[str, float] = {}
    odds: Odds = Odds()


# ---------------------------------------------------------------- payments
def _charge_afresh(uow: UnitOfWork, *, partners: Any, order: Any) -> Order:
    request = _replace(payment_request(uow, order=order), attempt_id=uow.ids("pay"))
    partners.payments.authorise(request)
    outcome = partners.payments.capture(request)
    return paying._commit_outcome(uow, provider="bank", order=order, outcome=outcome)


def _silence_is_a_refusal(uow: UnitOfWork, *, partners: Any, order: Any) -> Order:
    try:
        return paying.capture_payment(uow, partners=partners, order=order)
    except PartnerUnavailable:
        outcome = PaymentOutcome(state=PaymentState.DECLINED, provider_reference=f"bk_{order.payment.id}")
        return paying._commit_outcome(uow, provider="bank", order=order, outcome=outcome)


def _void_unasked(uow: UnitOfWork, *, partners: Any, order: Any) -> Order:  # noqa: ARG001 - as every step
    outcome = PaymentOutcome(state=PaymentState.VOIDED, provider_reference=f"bk_{order.payment.id}")
    return paying._commit_outcome(uow, provider="bank", order=order, outcome=outcome)


def _void_believed(uow: UnitOfWork, *, partners: Any, order: Any) -> Order:
    outcome = partners.payments.void(payment_request(uow, order=order))
    outcome = _replace(outcome, state=PaymentState.VOIDED)
    return paying._commit_outcome(uow, provider="bank", order=order, outcome=outcome)


# ---------------------------------------------------------------- labels
def _submitted_counts(original: Any, uow: UnitOfWork, shipping: Any, *rest: Any, **named: Any) -> Any:
    def void_label(**asked: Any) -> VoidState:
        state = shipping.void_label(**asked)
        return VoidState.VOIDED if state == VoidState.PENDING else state

    return original(uow, SimpleNamespace(void_label=void_label), *rest, **named)


def _never_polled(original: Any, *args: Any, **named: Any) -> Any:
    given = original(*args, **named)
    return _replace(given, shipment=_replace(given.shipment, void_due_at=None))


# ---------------------------------------------------------------- refunds
def _refund_afresh(uow: UnitOfWork, *, partners: Any, order: Any) -> Order:
    pending = order.pending_refund
    fresh = _replace(pending, id=uow.ids("ref"))
    order = _replace(order, refunds=tuple(fresh if one is pending else one for one in order.refunds))
    return settling.settle_refund(uow, partners=partners, order=order)


def _failed_is_given(_original: Any, uow: UnitOfWork, **named: Any) -> Order:
    done = _replace(named["refund"], status=RefundState.SUCCEEDED, finished_at=uow.now)
    order = with_refund(named["order"], done)
    return refunding.commit_refund(uow, order=order, given=done, change_type=ChangeType.ORDER_REFUNDED)


def _by_the_seller_alone(_order: Order, amount: int) -> RefundParts:
    return RefundParts(seller=amount, commission=0, shipping=0, tax=0)


def _half(original: Any, uow: UnitOfWork, **named: Any) -> None:
    original(uow, **{**named, "amount": max(1, named["amount"] // 2)})


def _closed_disputes_unheard(original: Any, uow: UnitOfWork, **named: Any) -> Order | None:
    if named["dispute"].status == DisputeStatus.OPEN:
        return original(uow, **named)  # type: ignore[no-any-return]  # as the original
    return None


def _saved_alone(_original: Any, uow: UnitOfWork, **named: Any) -> Order:
    uow.commit()
    return named["order"]  # type: ignore[no-any-return]  # it is one


def _shipping_in_the_item(original: Any, *args: Any) -> Amounts:
    amounts: Amounts = original(*args)
    return _replace(amounts, item_total=amounts.item_total + amounts.shipping_total, shipping_total=0)


# ---------------------------------------------------------------- the ledger
def _unbooked(original: Callable[..., LedgerTransaction], *args: Any, **named: Any) -> LedgerTransaction:
    return _replace(original(*args, **named), postings=())


def _lost_leg(original: Any, transaction: LedgerTransaction) -> tuple[ledger.LedgerEntry, ...]:
    return original(transaction)[:-1]  # type: ignore[no-any-return]  # as the original


def _under_a_new_id(original: Any, movement: Any) -> LedgerTransaction:
    posted: LedgerTransaction = original(movement)
    return _replace(posted, source_id=f"{movement.id}_{uuid.uuid4().hex}")


def _misspelt(original: Callable[..., LedgerTransaction], *args: Any, **named: Any) -> LedgerTransaction:
    posted = original(*args, **named)
    postings = (_replace(one, account=one.account.replace("seller:", "sellr:")) for one in posted.postings)
    return _replace(posted, postings=tuple(postings))


def _vat_of_the_difference(
    original: Any, order: Order, *, before: int, after: int, seller: str
) -> tuple[ledger.Posting, ...]:
    change = abs(after - before)
    postings: tuple[ledger.Posting, ...] = original(order, before=0, after=change, seller=seller)
    return tuple(ledger.Posting(one.account, one.amount if after > before else -one.amount) for one in postings)


_post_with_its_step = DynamoDBLedger.post


def _posted_apart(self: DynamoDBLedger, transaction: LedgerTransaction) -> None:
    if not transaction.source_id.startswith(("ord_", "pyt_")):  # a fee of the provider is a step of its own
        _post_with_its_step(self, transaction)
        return
    for entry in ledger.entries_of(transaction):
        write = self._write(entry)
        self._scope.db.put_item(table=write.table, item=write.item, condition=None)


# ---------------------------------------------------------------- sellers
def _twice(original: Any, uow: UnitOfWork, **named: Any) -> None:
    original(uow, **{**named, "amount": 2 * named["amount"]})


def _kept_settled(original: Any, uow: UnitOfWork, **named: Any) -> None:
    original(uow, **{**named, "payout": _replace(named["payout"], transfers=())})


def _more_credit(original: Any, uow: UnitOfWork, **named: Any) -> None:
    original(uow, **{**named, "payout": _replace(named["payout"], bonus=named["payout"].bonus + 100)})


def _paid_afresh(original: Any, payout: Any) -> Any:
    _paid_afresh.count = getattr(_paid_afresh, "count", 0) + 1  # type: ignore[attr-defined]  # counts on itself
    return _replace(original(payout), payout_id=f"{payout.id}_{_paid_afresh.count}")  # type: ignore[attr-defined]  # same


def _available_at_once(original: Any, uow: UnitOfWork, order: Order) -> Any:
    return _replace(original(uow, order), status=TransferStatus.AVAILABLE, available_at=uow.now)


def _without_payout_unit(currency: str) -> AmountRules:
    return _replace(rules_of(Provider.STRIPE, currency), payout_unit=1)


def _never(*_args: Any, **_named: Any) -> bool:
    return False


def _the_sellers_fault(_code: str | None) -> FailureCause:
    return FailureCause.SELLER_ACCOUNT


def _stuck_is_failed(_original: Any, uow: UnitOfWork, **named: Any) -> Any:
    outcome = _replace(named["outcome"], state=PayoutState.FAILED)
    return paying_out._commit_outcome(uow, **{**named, "outcome": outcome})


# ---------------------------------------------------------------- the workflow
def _sleeps(original: Any, listing: Listing, *args: Any, **named: Any) -> Listing:
    return _replace(original(listing, *args, **named), due_at=UNSET)  # type: ignore[no-any-return]  # as the original


def _stays_on_sale(original: Any, listing: Listing, *args: Any, **named: Any) -> Listing:
    return _replace(original(listing, *args, **named), status=ListingStatus.ACTIVE)  # type: ignore[no-any-return]  # as the original


def _woken_while_reserved(original: Any, listing: Listing) -> Any:
    return listing.updated_at if listing.status == ListingStatus.RESERVED else original(listing)


@contextmanager
def _ended_while_reserved() -> Iterator[None]:
    """Have a listing's wake-up end what an order holds, too; the order goes on as if nothing were."""
    moves = (
        Row(ListingStatus.RESERVED, ListingCommand.EXPIRE, ListingStatus.EXPIRED),
        Row(ListingStatus.EXPIRED, ListingCommand.SELL, ListingStatus.SOLD),
        Row(ListingStatus.EXPIRED, ListingCommand.RELEASE, ListingStatus.ACTIVE),
    )
    rows = {**LISTINGS._rows, **{(row.source, row.on): [row] for row in moves}}
    with _around(listings, "wakes_at", _woken_while_reserved)(), replaced(LISTINGS, "_rows", rows):
        yield


def _nothing(*_args: Any, **_named: Any) -> None:
    return None


def _never_reviewed(_order: Order, *, now: datetime) -> None:  # noqa: ARG001 - as the original
    return None


def _believed_in_full(original: Any, uow: UnitOfWork, **named: Any) -> Order:
    return original(uow, **{**named, "outcome": _replace(named["outcome"], captured=None)})  # type: ignore[no-any-return]  # as the original


def _step_left_out(_uow: UnitOfWork, *, partners: Any, order: Order) -> Order:  # noqa: ARG001 - as every step
    return order


def _cancelled_at_once(uow: UnitOfWork, *, partners: Any, order: Any) -> Order:  # noqa: ARG001 - as every step
    order = _replace(update_order(order, now=uow.now), status=OrderStatus.CANCELLED, due_at=None)
    uow.orders.save(order, change_type=ChangeType.ORDER_CANCELLED)
    uow.commit()
    return order  # type: ignore[no-any-return]  # it is one


def _sleeps_when_shipped(original: Any, order: Order, *, now: Any) -> Any:
    return None if order.status == OrderStatus.SHIPPED else original(order, now=now)


def _reads_the_last_scan(uow: UnitOfWork, *, partners: Any, order: Any) -> Order:
    assert order.shipment.events[-1] is not None
    return tracking.track(uow, partners=partners, order=order)


def _unreadable(*_args: Any) -> None:
    raise ValueError("nobody can read this")


def _every_fourth_is_lost(original: Any, self: DynamoDBHistory, row: Any) -> None:
    if row.version % 4:
        original(self, row)


def _the_last_read_counts(original: Any, self: AuditedRepository[Any], item: Any) -> Any:
    self._loaded.pop(self._mapping.from_item(item).id, None)
    return original(self, item)


def _another_number(_entity_id: str) -> str:
    _another_number.count = getattr(_another_number, "count", 0) + 1  # type: ignore[attr-defined]  # counts on itself
    return f"lst_{_another_number.count:032x}"  # type: ignore[attr-defined]  # same


def _unit_given_back(original: Any, uow: UnitOfWork, listing_id: ListingId) -> Listing | None:
    known: Listing | None = original(uow, listing_id)
    if known is None:
        sold = uow.listings.get(uow.orders.get(ORDER_ID.sibling_of(listing_id)).listing_id)
        over = _replace(sold, status=ListingStatus.WITHDRAWN)
        move_unit(uow, before=sold, after=over)
    return known


def _unchanged(entity: Any, _effect: Any) -> Any:
    return entity


@contextmanager
def _deaf_to_voided_labels() -> Iterator[None]:
    """Have no report move a parcel whose label was voided."""
    rows = {key: found for key, found in SHIPMENTS._rows.items() if key[0] != ShipmentStatus.VOIDED}
    with replaced(SHIPMENTS, "_rows", rows):
        yield


def _around(owner: Any, name: str, planted: Callable[..., Any]) -> Callable[[], AbstractContextManager[None]]:
    """Plant a function that is given the one it stands for."""
    original = getattr(owner, name)

    def standing_in(*args: Any, **named: Any) -> Any:
        return planted(original, *args, **named)

    return lambda: replaced(owner, name, standing_in)


@contextmanager
def _out_of_reach_counts_as_failed() -> Iterator[None]:
    """Have it so, at a bank where every account leaves while its payout is on its way."""
    with (
        _around(paying_out, "_commit_stuck", _stuck_is_failed)(),
        replaced(Bank, "_land", Bank._leave),
    ):
        yield


@contextmanager
def _failed_counts() -> Iterator[None]:
    with _around(settling, "_commit_failed", _failed_is_given)(), replaced(payment_reviews, "_is_returned", _never):
        yield


def _step(step: OrderStep, planted: advancing.Step) -> Callable[[], AbstractContextManager[None]]:
    return lambda: replaced_row(advancing.STEPS, step, planted)


_PART_IS_ALL: Final = Row(OrderStatus.DELIVERED, OrderCommand.REFUND, OrderStatus.REFUNDED)
_CANCELLED_ANY_TIME: Final = Row(PayoutStatus.PENDING, PayoutCommand.CANCEL, PayoutStatus.CANCELLED)
_ANY_VERSION: Final = "(version = :expected OR version <> :expected)"

FAULTS: Final[tuple[Fault, ...]] = (
    Fault(
        name="captured under a new key",
        broken="Each attempt to capture uses a new idempotency key.",
        caught_by="single_charge",
        plant=_step(OrderStep.CAPTURE, _charge_afresh),
    ),
    Fault(
        name="a timeout counts as a decline",
        broken="A capture whose response is lost counts as declined.",
        caught_by="charged_is_known",
        plant=_step(OrderStep.CAPTURE, _silence_is_a_refusal),
    ),
    Fault(
        name="a late void counts as voided",
        broken="A void does not check whether the payment was captured before.",
        caught_by="charged_is_known",
        plant=_step(OrderStep.VOID_PAYMENT, _void_believed),
        weights={"buy": 20, "cancel": 20},
        odds=Odds(partner_interleave=0.5),
    ),
    Fault(
        name="voided without the provider",
        broken="A payment is marked as voided without a request to the provider.",
        caught_by="nothing_kept",
        plant=_step(OrderStep.VOID_PAYMENT, _void_unasked),
    ),
    Fault(
        name="refunded under a new key",
        broken="Each attempt to refund uses a new idempotency key.",
        caught_by="never_more_back",
        plant=_step(OrderStep.REFUND, _refund_afresh),
    ),
    Fault(
        name="two refunds at once",
        broken="A refund starts while another is pending.",
        caught_by="never_more_back",
        plant=lambda: replaced(Order, "is_refund_under_way", property(lambda _order: False)),
        weights={"refund": 6, "open_claim": 6, "resolve_claim": 8},
    ),
    Fault(
        name="a failed refund counts",
        broken="A refund that failed at the provider is recorded as succeeded, and its review finds nothing.",
        caught_by="charged_is_known",
        plant=_failed_counts,
    ),
    Fault(
        name="a returned refund is not noticed",
        broken="A refund that fails after its success is ignored.",
        caught_by="charged_is_known",
        plant=lambda: replaced(payment_reviews, "_is_returned", _never),
    ),
    Fault(
        name="a returned refund is not posted",
        broken="A refund that fails after its success posts nothing to the ledger.",
        caught_by="ledger_is_the_banks",
        plant=_around(ledger, "refund_reversal", _unbooked),
    ),
    Fault(
        name="a partial refund counts as full",
        broken="An order counts as refunded after a partial refund.",
        caught_by="nothing_kept",
        plant=lambda: replaced_row(ORDERS._rows, (OrderStatus.DELIVERED, OrderCommand.REFUND), [_PART_IS_ALL]),
        weights={"refund": 6, "confirm_receipt": 0},
    ),
    Fault(
        name="half of the decided refund",
        broken="A claim's refund is started for half of the amount.",
        caught_by="refunded_as_promised",
        plant=_around(deciding, "begin_claim_refund", _half),
        weights={"open_claim": 8, "resolve_claim": 10},
    ),
    Fault(
        name="an entry is lost",
        broken="The last entry of each ledger transaction is not written.",
        caught_by="ledger_balances",
        plant=_around(ledger_adapter, "entries_of", _lost_leg),
    ),
    Fault(
        name="a refund is not posted",
        broken="A refund posts nothing to the ledger.",
        caught_by="ledger_is_the_banks",
        plant=_around(ledger, "refund", _unbooked),
    ),
    Fault(
        name="paid out under a new key",
        broken="Each attempt to pay out uses a new idempotency key.",
        caught_by="ledger_is_the_banks",
        plant=_around(paying_out, "_request", _paid_afresh),
    ),
    Fault(
        name="cancelled while it is sent",
        broken="A payout is cancelled after it was sent.",
        caught_by="ledger_is_the_banks",
        plant=lambda: replaced_row(PAYOUTS._rows, (PayoutStatus.PENDING, PayoutCommand.CANCEL), [_CANCELLED_ANY_TIME]),
        weights={"pay_out": 4, "cancel_payout": 12, "confirm_receipt": 5, "edit_seller": 4},
        odds=Odds(partner_interleave=0.5),
    ),
    Fault(
        name="a paid payout is not polled",
        broken="A payout that is returned after payment is known only by its webhook.",
        caught_by="ledger_is_the_banks",
        plant=lambda: replaced(paying_out, "WATCHED_FOR", timedelta()),
        weights={"confirm_receipt": 8, "edit_seller": 4, "pay_out": 6, "buy": 8, "approve": 5, "relist": 4, "pause": 0},
    ),
    Fault(
        name="a payout out of reach counts as failed",
        broken="A payout of an account that left the provider is recorded as failed, though it may have arrived.",
        caught_by="ledger_is_the_banks",
        plant=_out_of_reach_counts_as_failed,
        weights={"confirm_receipt": 8, "edit_seller": 4, "pay_out": 6, "buy": 8, "approve": 5, "relist": 4, "pause": 0},
    ),
    Fault(
        name="a seller's own account is believed",
        broken="An event of a connected account is processed for any order that its metadata names.",
        caught_by="strangers_are_ignored",
        plant=lambda: replaced(inbound, "_is_of_its_account", lambda *_: True),
    ),
    Fault(
        name="a voided label is not posted",
        broken="The cost of a voided label stays an expense.",
        caught_by="ledger_is_the_carriers",
        plant=_around(ledger, "label_void", _unbooked),
        weights={"cancel": 3},
    ),
    Fault(
        name="a submitted void counts as refunded",
        broken="The price of a label is reversed when its refund is only submitted, and the carrier rejects it later.",
        caught_by="ledger_is_the_carriers",
        plant=_around(labels, "_void", _submitted_counts),
        weights={"cancel": 3},
    ),
    Fault(
        name="a void is not followed",
        broken="No step polls the carrier for its decision about a voided label.",
        caught_by="ledger_is_the_carriers",
        plant=_around(labels, "_void", _never_polled),
        weights={"cancel": 3},
        odds=Odds(hook_drop=1),
    ),
    Fault(
        name="a release is not posted",
        broken="The seller's earnings stay pending in the ledger after completion.",
        caught_by="ledger_is_the_orders",
        plant=_around(ledger, "release", _unbooked),
    ),
    Fault(
        name="fees are imported under a new id",
        broken="Each import posts the provider's fees again.",
        caught_by="fees_are_the_banks",
        plant=_around(account_movements, "movement_transaction", _under_a_new_id),
    ),
    Fault(
        name="posted to a misspelt account",
        broken="The release of earnings credits an account that is not in the chart.",
        caught_by="trial_balance_is_zero",
        plant=_around(ledger, "release", _misspelt),
    ),
    Fault(
        name="commission is earned at once",
        broken="Commission becomes income at capture although the shop defers it.",
        caught_by="commission_when_earned",
        plant=lambda: replaced(ledger, "is_commission_deferred", lambda _order, *, seller: False),  # noqa: ARG005 - as it is called
    ),
    Fault(
        name="vat by the refund",
        broken="The VAT of a refunded commission is computed from the refund, so rounding adds up.",
        caught_by="ledger_is_the_orders",
        plant=_around(ledger, "_commission_change", _vat_of_the_difference),
        weights={"refund": 20},
    ),
    Fault(
        name="the ledger is written apart",
        broken="Ledger transactions are written immediately instead of with their step.",
        caught_by="seller_balances",
        plant=lambda: replaced(DynamoDBLedger, "post", _posted_apart),
        weights={"pay_out": 6},
    ),
    Fault(
        name="the seller bears the whole refund",
        broken="A refund does not reverse commission.",
        caught_by="commission_in_proportion",
        plant=lambda: replaced(ledger, "split_refund", _by_the_seller_alone),
    ),
    Fault(
        name="a seller is credited twice",
        broken="A released transfer is added to the balance twice.",
        caught_by="seller_balances",
        plant=_around(completing, "credit_seller", _twice),
    ),
    Fault(
        name="a partial refund is not deducted",
        broken="A refund before completion does not reduce the held transfer.",
        caught_by="earned_is_owed",
        plant=lambda: replaced(refunding, "reduce_transfer", _nothing),
        weights={"refund": 6},
    ),
    Fault(
        name="a failed payout keeps its transfers",
        broken="A failed payout restores the balance, but its transfers stay settled.",
        caught_by="payouts_add_up",
        plant=_around(paying_out, "reverse_payout", _kept_settled),
        weights={"confirm_receipt": 5, "edit_seller": 4},
    ),
    Fault(
        name="more store credit than paid out",
        broken="The account is credited more than the amount of the payout.",
        caught_by="store_credit_matches",
        plant=_around(starting_payouts, "_charge", _more_credit),
    ),
    Fault(
        name="a carrier's decision is not posted",
        broken="A claim on a carrier is closed without a ledger transaction.",
        caught_by="losses_are_posted",
        plant=_around(compensation_ledger, "claim_settlement", _unbooked),
        weights={"buy": 10, "cancel": 0, "decide": 4},
    ),
    Fault(
        name="a parcel's news is no issue",
        broken="A parcel that goes back after its delivery, or arrives after the refund, raises no issue.",
        caught_by="no_one_has_both",
        plant=lambda: replaced(parcel_news, "_with_issue", _unchanged),
        weights={"buy": 10, "cancel": 2, "refund": 0, "open_claim": 0},
    ),
    Fault(
        name="a voided label is not read",
        broken="The scans of a label that was voided are recorded and ignored.",
        caught_by="no_one_has_both",
        plant=_deaf_to_voided_labels,
        weights={"buy": 10, "cancel": 6, "refund": 0, "open_claim": 0},
    ),
    Fault(
        name="a return's news is no issue",
        broken="A refunded return that goes back to the buyer, or one of a closed claim, raises no issue.",
        caught_by="no_one_has_both",
        plant=lambda: replaced(returns, "_order_with_issue", _nothing),
        weights={"buy": 10, "cancel": 0, "refund": 0, "open_claim": 10, "resolve_claim": 10, "confirm_receipt": 0},
    ),
    Fault(
        name="no unit of payouts",
        broken="The payment provider's unit of payouts in forints is not known.",
        caught_by="payouts_are_payable",
        plant=lambda: replaced_row(amount_rules._RULES, Provider.SANDBOX, _without_payout_unit),
        weights={"confirm_receipt": 6, "edit_seller": 4, "pay_out": 6},
    ),
    Fault(
        name="a payout does not wait",
        broken="A payout contains sales whose delay is not over.",
        caught_by="payouts_are_payable",
        plant=lambda: replaced(selecting, "_waits", _never),
        weights={"confirm_receipt": 6, "edit_seller": 4, "pay_out": 6},
    ),
    Fault(
        name="every failure blames the seller",
        broken="Any failure of a payout clears the seller's destination.",
        caught_by="no_seller_is_blamed",
        plant=lambda: replaced(reversals, "cause_of", _the_sellers_fault),
        weights={"confirm_receipt": 6, "edit_seller": 4},
    ),
    Fault(
        name="store credit outlives its sale",
        broken="A clawback is not netted against store credit.",
        caught_by="store_credit_matches",
        plant=lambda: replaced(completing, "net_debt", lambda balance: (balance, 0, 0)),
        weights={"confirm_receipt": 6, "pay_out": 8, "refund": 6},
    ),
    Fault(
        name="a reservation is not released",
        broken="An order cancelled unpaid leaves its listing reserved.",
        caught_by="everything_rests",
        plant=lambda: replaced(cancelling, "move_listing", _nothing),
    ),
    Fault(
        name="a shipped order has no wake-up",
        broken="A shipped order has no `due_at`.",
        caught_by="waiting_is_data",
        plant=_around(order_steps, "wakes_at", _sleeps_when_shipped),
    ),
    Fault(
        name="a resumed listing has no wake-up",
        broken="A resumed listing is not woken at the end of its listing period.",
        caught_by="waiting_is_data",
        plant=_around(pausing, "transition_listing", _sleeps),
        weights={"pause": 6, "resume": 10},
    ),
    Fault(
        name="a reserved listing expires",
        broken="A reserved listing is woken and expires like an active one.",
        caught_by="moves_are_rows",
        plant=_ended_while_reserved,
        weights={"submit_again": 0, "change_listing": 0},  # or the order waits for it for ever
    ),
    Fault(
        name="a paused listing never expires",
        broken="The end of a paused listing's period is ignored.",
        caught_by="comes_to_rest",
        plant=lambda: replaced_row(LISTINGS._rows, (ListingStatus.PAUSED, ListingCommand.EXPIRE), []),
        weights={"pause": 8, "resume": 0.2},
    ),
    Fault(
        name="a dispute's end is not recorded",
        broken="The decision of a dispute is ignored.",
        caught_by="disputes_are_known",
        plant=_around(reviewing_payments, "apply_dispute", _closed_disputes_unheard),
    ),
    Fault(
        name="a refund made at the provider is not adopted",
        broken="A refund that is not ours is ignored.",
        caught_by="charged_is_known",
        plant=lambda: replaced(payment_reviews, "_is_foreign", _never),
    ),
    Fault(
        name="a payment is not polled",
        broken="A dispute or a refund at the provider is known only by its webhook.",
        caught_by="disputes_are_known",
        plant=lambda: replaced(order_steps, "next_review_at", _never_reviewed),
        weights={"buy": 20, "list_unit": 4, "confirm_receipt": 5},
        odds=Odds(hook_drop=0.9, disputed=0.95),
    ),
    Fault(
        name="a part counts as the whole payment",
        broken="The captured amount is not compared with the order's.",
        caught_by="charged_is_known",
        plant=_around(paying, "_commit_captured", _believed_in_full),
        weights={"buy": 20, "list_unit": 4},
    ),
    Fault(
        name="a disputed sale is paid out",
        broken="The earnings of a disputed sale are not frozen.",
        caught_by="disputed_is_not_paid_out",
        plant=lambda: replaced(freezing, "is_frozen", _never),
        weights={"confirm_receipt": 12, "edit_seller": 4, "pay_out": 10, "buy": 8, "open_claim": 0, "refund": 0},
        odds=Odds(disputed=0.9),
    ),
    Fault(
        name="a reinstated dispute is not posted",
        broken="A chargeback is marked as reinstated but not posted to the ledger.",
        caught_by="ledger_is_the_banks",
        plant=_around(returned_refunds, "_commit_returned", _saved_alone),
    ),
    Fault(
        name="rows are lost",
        broken="The changes worker drops every fourth version.",
        caught_by="history_verifies",
        plant=_around(DynamoDBHistory, "_put", _every_fourth_is_lost),
    ),
    Fault(
        name="the version is not checked",
        broken="A write does not require the previous version.",
        caught_by="history_verifies",
        plant=lambda: replaced(buffer, "_SAME_VERSION", _ANY_VERSION),
    ),
    Fault(
        name="two reads count as one",
        broken="A second read of an object counts as the first, so that a stale state overwrites it.",
        caught_by="seller_balances",
        plant=_around(AuditedRepository, "remember", _the_last_read_counts),
        odds=Odds(interleave_read=0.2, same_message=0.8),
        weights={"confirm_receipt": 5, "edit_seller": 4, "pay_out": 0, "buy": 6},
    ),
    Fault(
        name="a transition outside the state table",
        broken="An order is cancelled directly, without its state table.",
        caught_by="moves_are_rows",
        plant=_step(OrderStep.EXPIRE_SHIPPING, _cancelled_at_once),
    ),
    Fault(
        name="a message that always fails",
        broken="Every tracking event ends in an error.",
        caught_by="no_dead_letters",
        plant=lambda: replaced_row(inbound._ACTS, "shp", _unreadable),
    ),
    Fault(
        name="sold while on sale",
        broken="Buying a listing does not reserve it.",
        caught_by="one_buyer_per_item",
        plant=_around(submitting, "transition_listing", _stays_on_sale),
    ),
    Fault(
        name="relisted twice",
        broken="A relisted item gets a new id each time.",
        caught_by="one_listing_per_item",
        plant=lambda: replaced(relisting, "LISTING_ID", SimpleNamespace(sibling_of=_another_number)),
        weights={"relist": 12, "approve": 12, "cancel": 3, "buy": 2},
    ),
    Fault(
        name="one unit too many",
        broken="Listing from a purchase does not check the remaining units.",
        caught_by="units_not_oversold",
        plant=lambda: replaced(Purchase, "claimable_quantity", property(lambda _purchase: 1)),
        weights={"list_unit": 4},
    ),
    Fault(
        name="a unit is not released",
        broken="A listing that ends unsold does not release its unit.",
        caught_by="units_not_oversold",
        plant=lambda: replaced(reviewing, "move_unit", _nothing),
        weights={"list_unit": 4, "change_listing": 4},
    ),
    Fault(
        name="a relisted unit is released",
        broken="Relisting an item also releases its unit.",
        caught_by="units_not_oversold",
        plant=_around(relisting, "_find", _unit_given_back),
        weights={"relist": 12, "cancel": 3, "buy": 2},
    ),
    Fault(
        name="available before completion",
        broken="A transfer is available as soon as the order is paid.",
        caught_by="transfer_after_completion",
        plant=_around(paying, "_new_transfer", _available_at_once),
    ),
    Fault(
        name="a parcel without a scan",
        broken="A step assumes that every parcel has a scan.",
        caught_by="nothing_breaks",
        plant=_step(OrderStep.TRACK, _reads_the_last_scan),
    ),
    Fault(
        name="completion is skipped",
        broken="An order is not completed after buyer protection has ended.",
        caught_by="comes_to_rest",
        plant=_step(OrderStep.COMPLETE, _step_left_out),
    ),
    Fault(
        name="the buyer's total is ignored",
        broken="An order is charged at the price of now, whatever its buyer agreed to.",
        caught_by="charged_as_agreed",
        plant=lambda: replaced(submitting, "check_agreement", _nothing),
        weights={"look": 6, "change_listing": 8, "approve": 12},
    ),
    Fault(
        name="shipping is not in the parts",
        broken="Shipping is charged with the item instead of as a part of its own.",
        caught_by="parts_are_the_total",
        plant=_around(quotes, "_amounts_of", _shipping_in_the_item),
    ),
    Fault(
        name="unpaid orders are not bounded",
        broken="A buyer can have any number of unpaid orders.",
        caught_by="holds_bounded",
        plant=lambda: replaced(holds_adapter, "add_hold", lambda holds, hold, **_named: (*holds, hold)),
        weights={"hoard": 12, "buy": 2},
    ),
    Fault(
        name="a hold is not released",
        broken="An order that is paid or over still counts as unpaid.",
        caught_by="holds_are_released",
        plant=lambda: replaced(DynamoDBHolds, "remove", _nothing),
    ),
)
