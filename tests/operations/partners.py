"""A payment provider and a carrier that keep books of their own, in memory: answers can be lost, refused or late."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from resale.domain.account_movements import AccountMovement
from resale.domain.ids import RefundId, ShipmentId
from resale.domain.money import Money
from resale.domain.onboarding import OnboardingLink, OnboardingRequest
from resale.domain.orders import Order
from resale.domain.partners import BookingKind, PartnerEvent, PartnerUnavailable, ProviderTransaction
from resale.domain.payments import (
    Dispute,
    PaymentOutcome,
    PaymentRequest,
    PaymentState,
    ProviderRefund,
    RefundOutcome,
    RefundState,
)
from resale.domain.payouts import PayoutOutcome, PayoutRequest, PayoutState
from resale.domain.sellers import PayoutAccount, PayoutAccountStatus
from resale.domain.shipments import Label, LabelRequest, LabelState, Rate, TrackingEvent, VoidState
from tests.unit.builders import NOW

R = TypeVar("R")


class Faulty:
    """Counts calls by name, and loses the response of some: what was asked for is done all the same."""

    def __init__(self, *, lose: Mapping[str, int] | None = None, down: Mapping[str, int] | None = None) -> None:
        self.calls: Counter[str] = Counter()
        self.lose = Counter(lose or {})
        self.down = Counter(down or {})

    def _enter(self, name: str) -> None:
        """The call does not even arrive."""
        self.calls[name] += 1
        if self.down[name]:
            self.down[name] -= 1
            raise PartnerUnavailable("nobody answers")

    def _answer(self, name: str, response: R) -> R:
        if self.lose[name]:
            self.lose[name] -= 1
            raise PartnerUnavailable("the response was lost")
        return response


class Books(Faulty):
    """A payment provider: keyed by our ids, as any provider's."""

    name = "books"

    def __init__(
        self,
        *,
        decline: bool = False,
        ask_action: bool = False,
        refund_state: RefundState = RefundState.SUCCEEDED,
        payout_state: PayoutState = PayoutState.PAID,
        lose: Mapping[str, int] | None = None,
        down: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(lose=lose, down=down)
        self.movements: list[AccountMovement] = []  # fees, and payouts to the shop's bank
        self.payments: dict[str, PaymentState] = {}
        self.orders: dict[str, str] = {}
        self.return_urls: dict[str, str | None] = {}  # by order: where its bank sends the buyer back to
        self.captured: dict[str, int] = {}
        self.currency = "GBP"  # of the last attempt
        self.refunds: dict[str, tuple[str, int, RefundState]] = {}
        self.foreign_refunds: dict[str, tuple[str, ProviderRefund]] = {}  # by reference, with the attempt
        self.disputes: dict[str, dict[str, Dispute]] = {}  # by attempt and reference
        self.payouts: dict[str, tuple[int, PayoutState]] = {}
        self.onboarded: list[OnboardingRequest] = []
        self.accounts: dict[str, PayoutAccount] = {}
        self.asked_since: datetime | None = None  # how far back anybody looked into these books
        self.decline = decline
        self.ask_action = ask_action
        self.refund_state = refund_state
        self.payout_state = payout_state
        self.onboarding_status = PayoutAccountStatus.PENDING

    # ------------------------------------------------------------ payments
    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        self._enter("authorise")
        self.orders[request.attempt_id], self.currency = request.order_id, request.amount.currency
        self.return_urls[request.order_id] = request.return_url
        state = PaymentState.DECLINED if self.decline else PaymentState.AUTHORIZED
        if self.ask_action:
            state = PaymentState.REQUIRES_ACTION
        self.payments.setdefault(request.attempt_id, state)
        return self._answer("authorise", self._outcome(request.attempt_id))

    def find_payment(self, request: PaymentRequest) -> PaymentOutcome | None:
        self._enter("find_payment")
        known = request.attempt_id in self.payments
        return self._answer("find_payment", self._outcome(request.attempt_id) if known else None)

    def capture(self, request: PaymentRequest) -> PaymentOutcome:
        self._enter("capture")
        if self.payments.get(request.attempt_id) == PaymentState.AUTHORIZED:
            self.payments[request.attempt_id] = PaymentState.CAPTURED
            self.captured[request.attempt_id] = request.amount.amount
        return self._answer("capture", self._outcome(request.attempt_id))

    def void(self, request: PaymentRequest) -> PaymentOutcome:
        self._enter("void")
        if self.payments.get(request.attempt_id) not in {PaymentState.CAPTURED, PaymentState.DECLINED}:
            self.payments[request.attempt_id] = PaymentState.VOIDED
        return self._answer("void", self._outcome(request.attempt_id))

    def prove(self, attempt_id: str) -> None:
        """The buyer proves who they are."""
        self.payments[attempt_id] = PaymentState.AUTHORIZED

    # ------------------------------------------------------------ refunds
    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        self._enter("refund")
        fits = self.refunded(request.attempt_id) + amount.amount <= self.captured[request.attempt_id]
        state = self.refund_state if fits else RefundState.FAILED
        self.refunds.setdefault(refund_id, (request.attempt_id, amount.amount, state))
        return self._answer("refund", self._refund(refund_id))

    def find_refund(self, request: PaymentRequest, *, refund_id: RefundId) -> RefundOutcome | None:
        self._enter("find_refund")
        assert request.attempt_id in self.captured
        return self._answer("find_refund", self._refund(refund_id) if refund_id in self.refunds else None)

    def list_refunds(self, request: PaymentRequest) -> tuple[ProviderRefund, ...]:
        self._enter("list_refunds")
        ours = tuple(
            ProviderRefund(
                provider_reference=f"bk_{refund_id}",
                refund_id=RefundId(refund_id),
                state=state,
                amount=Money(amount=amount, currency=request.amount.currency),
            )
            for refund_id, (attempt_id, amount, state) in self.refunds.items()
            if attempt_id == request.attempt_id
        )
        foreign = tuple(
            refund for attempt_id, refund in self.foreign_refunds.values() if attempt_id == request.attempt_id
        )
        return self._answer("list_refunds", (*ours, *foreign))

    def list_disputes(self, request: PaymentRequest) -> tuple[Dispute, ...]:
        self._enter("list_disputes")
        return self._answer("list_disputes", tuple(self.disputes.get(request.attempt_id, {}).values()))

    def capture_in_dashboard(self, order: Order, amount: int, *, currency: str = "GBP") -> None:
        """Somebody captures a payment at the provider, maybe a part of it."""
        assert order.payment is not None
        self.payments[order.payment.id] = PaymentState.CAPTURED
        self.captured[order.payment.id], self.currency = amount, currency
        self.foreign_refunds.pop("bk_released", None)
        released = order.amounts.grand_total - amount
        if released > 0:
            self.refund_in_dashboard(order, released, reference="bk_released")

    def refund_in_dashboard(
        self,
        order: Order,
        amount: int,
        *,
        reference: str = "bk_dashboard",
        currency: str = "GBP",
        state: RefundState = RefundState.SUCCEEDED,
    ) -> None:
        """Somebody refunds a payment at the provider."""
        assert order.payment is not None
        money = Money(amount=amount, currency=currency)
        made = ProviderRefund(provider_reference=reference, state=state, amount=money)
        self.foreign_refunds[reference] = (order.payment.id, made)

    def dispute(self, order: Order, dispute: Dispute) -> None:
        """The buyer's bank opens or decides a dispute."""
        assert order.payment is not None
        self.disputes.setdefault(order.payment.id, {})[dispute.provider_reference] = dispute

    def refunded(self, attempt_id: str) -> int:
        """What went back of an attempt."""
        ours = ((attempt, amount, state) for attempt, amount, state in self.refunds.values())
        others = (
            (attempt, one.amount.amount, one.state)
            for attempt, one in self.foreign_refunds.values()
            if one.provider_reference != "bk_released"  # never captured
        )
        return sum(
            amount
            for attempt, amount, state in (*ours, *others)
            if attempt == attempt_id and state == RefundState.SUCCEEDED
        )

    # ------------------------------------------------------------ payouts
    def onboard(self, request: OnboardingRequest) -> OnboardingLink:
        self._enter("onboard")
        account = request.account or f"acct_{request.seller_id[4:]}"
        self.onboarded.append(request)
        link = OnboardingLink(
            account=account,
            status=self.onboarding_status,
            url=f"https://bank.example/onboarding/{account}",
            expires_at=NOW,
        )
        return self._answer("onboard", link)

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        self._enter("pay_out")
        self.payouts.setdefault(request.payout_id, (request.amount.amount, PayoutState.IN_TRANSIT))
        return self._answer("pay_out", self._payout(request.payout_id))

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        self._enter("find_payout")
        if request.payout_id not in self.payouts:
            return self._answer("find_payout", None)
        amount, _ = self.payouts[request.payout_id]
        self.payouts[request.payout_id] = (amount, self.payout_state)
        return self._answer("find_payout", self._payout(request.payout_id))

    def find_payout_account(self, destination: str) -> PayoutAccount | None:
        self._enter("find_payout_account")
        return self._answer("find_payout_account", self.accounts.get(destination))

    # ------------------------------------------------------------ the rest of the port
    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        raise AssertionError(f"no webhooks here: {body!r} {headers!r}")

    def iter_transactions(self, *, since: datetime) -> Iterator[ProviderTransaction]:
        assert since.tzinfo is not None
        self.asked_since = since
        for attempt_id, amount in self.captured.items():
            yield self._booking(BookingKind.CHARGE, attempt_id, attempt_id, amount)
        for refund_id, (attempt_id, amount, state) in self.refunds.items():
            if state == RefundState.SUCCEEDED:
                yield self._booking(BookingKind.REFUND, refund_id, attempt_id, amount)
        for payout_id, (amount, payout_state) in self.payouts.items():
            if payout_state == PayoutState.PAID:
                yield self._booking(BookingKind.PAYOUT, payout_id, None, amount)

    def iter_account_movements(self, *, since: datetime, until: datetime) -> Iterator[AccountMovement]:
        yield from (one for one in self.movements if since <= one.at < until)

    def _booking(self, kind: BookingKind, our_id: str, attempt_id: str | None, amount: int) -> ProviderTransaction:
        order_id = None if attempt_id is None else self.orders[attempt_id]
        return ProviderTransaction(
            kind=kind,
            our_id=our_id,
            order_id=order_id,  # type: ignore[arg-type]  # an id of ours, as it was given
            provider_reference=f"bk_{our_id}",
            amount=amount,
            currency="GBP",
        )

    def _outcome(self, attempt_id: str) -> PaymentOutcome:
        state = self.payments[attempt_id]
        url = "https://bank.example/prove" if state == PaymentState.REQUIRES_ACTION else None
        captured = (
            Money(amount=self.captured[attempt_id], currency=self.currency) if attempt_id in self.captured else None
        )
        return PaymentOutcome(state=state, provider_reference=f"bk_{attempt_id}", action_url=url, captured=captured)

    def _refund(self, refund_id: str) -> RefundOutcome:
        _, amount, state = self.refunds[refund_id]
        money = Money(amount=amount, currency=self.currency)
        return RefundOutcome(state=state, provider_reference=f"bk_{refund_id}", amount=money)

    def _payout(self, payout_id: str) -> PayoutOutcome:
        state = self.payouts[payout_id][1]
        has_failed = state in {PayoutState.FAILED, PayoutState.RETURNED}
        reason = "account_closed" if has_failed else None
        return PayoutOutcome(state=state, provider_reference=f"bk_{payout_id}", reason_code=reason)


class Carrier(Faulty):
    """A shipping provider."""

    name = "carrier"

    def __init__(
        self, *, refuse: bool = False, lose: Mapping[str, int] | None = None, down: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(lose=lose, down=down)
        self.labels: dict[str, LabelState] = {}
        self.events: dict[str, list[TrackingEvent]] = {}
        self.refuse = refuse
        self.void_state = VoidState.VOIDED  # what becomes of the refund of a label that is not in use

    def list_rates(self, request: LabelRequest) -> tuple[Rate, ...]:
        price = Money(amount=450, currency=request.currency)
        return (Rate(carrier="Post", service="standard", price=price),)

    def buy_label(self, request: LabelRequest) -> Label:
        self._enter("buy_label")
        state = LabelState.REFUSED if self.refuse else LabelState.ISSUED
        if self.labels.get(request.shipment_id) != LabelState.ISSUED:
            self.labels[request.shipment_id] = state
        return self._answer("buy_label", self._label(request.shipment_id, request.currency))

    def find_label(self, *, shipment_id: ShipmentId) -> Label | None:
        self._enter("find_label")
        return self._answer("find_label", self._label(shipment_id) if shipment_id in self.labels else None)

    def void_label(self, *, shipment_id: ShipmentId, provider_reference: str) -> VoidState:
        self._enter("void_label")
        assert provider_reference in {"", f"lb_{shipment_id}"}  # of a label whose response was lost there is none
        if self.events.get(shipment_id):
            return self._answer("void_label", VoidState.IN_USE)
        pending = {VoidState.PENDING: LabelState.VOIDING, VoidState.REJECTED: LabelState.ISSUED}
        self.labels[shipment_id] = pending.get(self.void_state, LabelState.VOIDED)
        return self._answer("void_label", self.void_state)

    def list_tracking(self, *, shipment_id: ShipmentId, provider_reference: str) -> tuple[TrackingEvent, ...]:
        self._enter("list_tracking")
        assert provider_reference
        return self._answer("list_tracking", tuple(self.events.get(shipment_id, ())))

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        raise AssertionError(f"no webhooks here: {body!r} {headers!r}")

    def scan(self, shipment_id: str, *events: TrackingEvent) -> None:
        """The parcel is seen."""
        self.events.setdefault(shipment_id, []).extend(events)

    def _label(self, shipment_id: str, currency: str = "GBP") -> Label:
        state = self.labels[shipment_id]
        return Label(
            state=state,
            provider_reference=f"lb_{shipment_id}",
            carrier="Post",
            service="standard",
            tracking_number="TRACK1",
            url="https://labels.example/1.pdf",
            cost=Money(amount=450, currency=currency),
            reason_code="address_unknown" if state == LabelState.REFUSED else None,
            message="House number is missing" if state == LabelState.REFUSED else None,
        )


class Partners:
    """Both partners of a tenant."""

    def __init__(self, payments: Books | None = None, shipping: Carrier | None = None) -> None:
        self.payments = payments or Books()
        self.shipping = shipping or Carrier()
