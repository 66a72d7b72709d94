"""The payment provider of a run: books of its own, a will of its own, and webhooks that say so."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from resale.domain.ids import OrderId, PayoutId, RefundId
from resale.domain.money import Money
from resale.domain.partners import PartnerEvent, ProviderTransaction
from resale.domain.payments import (
    Dispute,
    DisputeStatus,
    PaymentOutcome,
    PaymentRequest,
    PaymentState,
    RefundOutcome,
    RefundState,
)
from resale.domain.payouts import PayoutOutcome, PayoutRequest, PayoutState
from tests.simulation.agenda import Agenda
from tests.simulation.chance import Chance
from tests.simulation.line import Line

T = TypeVar("T")

_SETTLES = (timedelta(hours=1), timedelta(days=4))
_COMES_BACK_WITHIN = timedelta(days=7)  # a payout that was paid


class Attempt(msgspec.Struct, kw_only=True):
    """A payment as the bank keeps it."""

    order_id: str
    amount: int
    state: PaymentState
    lapses: bool = False  # set aside, and gone when it is to be taken


class Taken(msgspec.Struct, kw_only=True):
    """Money that is not the buyer's any more, and what went back of it."""

    attempt_id: str
    order_id: str
    amount: int
    refunds: dict[str, tuple[int, RefundState]] = {}
    charged_back: int = 0
    dispute: Dispute | None = None

    @property
    def left(self) -> int:
        """What can still go back."""
        given = sum(amount for amount, state in self.refunds.values() if state != RefundState.FAILED)
        return self.amount - given - self.charged_back


class Bank:
    """Keeps ``resale.application.ports.PaymentProvider``. ``tell`` sends a webhook."""

    name = "bank"

    def __init__(self, chance: Chance, agenda: Agenda, line: Line, tell: Callable[[PartnerEvent], None]) -> None:
        self._chance, self._agenda, self._line, self._tell = chance, agenda, line, tell
        self.is_moody = True  # in quiet time everything succeeds
        self.attempts: dict[str, Attempt] = {}
        self.captures: list[Taken] = []
        self.payouts: dict[str, tuple[int, str, PayoutState]] = {}
        self.paid_out = 0  # net of what came back

    # ------------------------------------------------------------ payments
    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        return self._line.call("authorise", lambda: self._authorise(request))

    def find_payment(self, request: PaymentRequest) -> PaymentOutcome | None:
        return self._line.call("find_payment", lambda: self._outcome(request.attempt_id))

    def capture(self, request: PaymentRequest) -> PaymentOutcome:
        return self._line.call("capture", lambda: self._capture(request))

    def void(self, request: PaymentRequest) -> PaymentOutcome:
        return self._line.call("void", lambda: self._void(request))

    def _authorise(self, request: PaymentRequest) -> PaymentOutcome:
        if request.attempt_id not in self.attempts:
            state = self._mood(
                {PaymentState.AUTHORIZED: 8, PaymentState.DECLINED: 0.6, PaymentState.REQUIRES_ACTION: 1.5}
            )
            attempt = Attempt(order_id=request.order_id, amount=request.amount.amount, state=state)
            attempt.lapses = self.is_moody and self._chance.happens(0.03)
            self.attempts[request.attempt_id] = attempt
            if state == PaymentState.REQUIRES_ACTION and self._chance.happens(0.8):
                self._agenda.add_within(
                    "buyer proves", lambda: self._prove(attempt), low=timedelta(seconds=20), high=timedelta(minutes=14)
                )
        return self._known(request.attempt_id)

    def _prove(self, attempt: Attempt) -> None:
        if attempt.state == PaymentState.REQUIRES_ACTION:
            attempt.state = self._mood({PaymentState.AUTHORIZED: 8, PaymentState.DECLINED: 1})
            self._say("payment.proven", order_id=attempt.order_id)

    def _capture(self, request: PaymentRequest) -> PaymentOutcome:
        attempt = self.attempts[request.attempt_id]
        if attempt.state == PaymentState.AUTHORIZED and attempt.lapses:
            attempt.state = PaymentState.DECLINED
        if attempt.state == PaymentState.AUTHORIZED:
            attempt.state = PaymentState.CAPTURED
            taken = Taken(attempt_id=request.attempt_id, order_id=attempt.order_id, amount=attempt.amount)
            self.captures.append(taken)
            if self.is_moody and self._chance.happens(0.15):
                low, high = timedelta(minutes=1), timedelta(days=30)
                self._agenda.add_within("dispute", lambda: self._dispute(taken), low=low, high=high)
        return self._known(request.attempt_id)

    def _void(self, request: PaymentRequest) -> PaymentOutcome:
        void = Attempt(order_id=request.order_id, amount=request.amount.amount, state=PaymentState.VOIDED)
        attempt = self.attempts.setdefault(request.attempt_id, void)
        if attempt.state not in {PaymentState.CAPTURED, PaymentState.DECLINED}:
            attempt.state = PaymentState.VOIDED
        return self._known(request.attempt_id)

    # ------------------------------------------------------------ refunds
    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        return self._line.call("refund", lambda: self._give_back(request.attempt_id, refund_id, amount.amount))

    def find_refund(self, request: PaymentRequest, *, refund_id: RefundId) -> RefundOutcome | None:
        taken = self._taken(request.attempt_id)
        return self._line.call("find_refund", lambda: self._refund(taken, refund_id))

    def _give_back(self, attempt_id: str, refund_id: str, amount: int) -> RefundOutcome:
        taken = self._taken(attempt_id)
        if refund_id not in taken.refunds:
            state = self._mood({RefundState.SUCCEEDED: 7, RefundState.PENDING: 3, RefundState.FAILED: 1.5})
            if self._refuses(taken, amount):
                state = RefundState.FAILED
            taken.refunds = {**taken.refunds, refund_id: (amount, state)}
            if state == RefundState.SUCCEEDED:
                self._may_fail_yet(taken, refund_id)
            if state == RefundState.PENDING:
                low, high = _SETTLES
                self._agenda.add_within("refund settles", lambda: self._settle(taken, refund_id), low=low, high=high)
        outcome = self._refund(taken, refund_id)
        assert outcome is not None
        return outcome

    def _refuses(self, taken: Taken, amount: int) -> bool:
        """Whether a dispute that we may not know of stands against a refund. Else the bank trusts us not to err."""
        dispute = taken.dispute
        if dispute is None or dispute.status == DisputeStatus.WON:
            return False
        return dispute.status == DisputeStatus.OPEN or amount > taken.left

    def _settle(self, taken: Taken, refund_id: str) -> None:
        amount, _ = taken.refunds[refund_id]
        state = self._mood({RefundState.SUCCEEDED: 7, RefundState.FAILED: 2})
        taken.refunds[refund_id] = (amount, state)
        if state == RefundState.SUCCEEDED:
            self._may_fail_yet(taken, refund_id)
        self._say("refund.settled", order_id=taken.order_id)

    def _may_fail_yet(self, taken: Taken, refund_id: str) -> None:
        if self.is_moody and self._chance.happens(0.2):
            low, high = timedelta(minutes=1), timedelta(days=25)
            self._agenda.add_within("refund fails", lambda: self._fail(taken, refund_id), low=low, high=high)

    def _fail(self, taken: Taken, refund_id: str) -> None:
        """A refund that was given comes back: the buyer's account is closed."""
        amount, _ = taken.refunds[refund_id]
        taken.refunds[refund_id] = (amount, RefundState.FAILED)
        self._say("refund.failed", order_id=taken.order_id, failed_refund_id=refund_id)

    # ------------------------------------------------------------ disputes
    def _dispute(self, taken: Taken) -> None:
        if taken.dispute is not None or not taken.left:
            return
        amount = taken.amount if self._chance.happens(0.6) else self._chance.between(1, taken.amount)
        reference = f"dp_{taken.attempt_id}"
        taken.dispute = Dispute(
            provider_reference=reference, status=DisputeStatus.OPEN, amount=min(amount, taken.left), reason_code="fraud"
        )
        self._tell_dispute(taken, "dispute.opened")
        low, high = timedelta(hours=1), timedelta(days=70)
        self._agenda.add_within("dispute ends", lambda: self._decide(taken), low=low, high=high)

    def _decide(self, taken: Taken) -> None:
        assert taken.dispute is not None
        status = self._mood({DisputeStatus.LOST: 6, DisputeStatus.WON: 4})
        amount = min(taken.dispute.amount, taken.left)
        taken.dispute = msgspec.structs.replace(taken.dispute, status=status, amount=amount)
        if status == DisputeStatus.LOST:
            taken.charged_back = amount
            if self._chance.happens(0.6):
                low, high = timedelta(hours=1), timedelta(days=20)
                self._agenda.add_within("dispute is won after all", lambda: self._reinstate(taken), low=low, high=high)
        self._tell_dispute(taken, "dispute.closed")

    def _reinstate(self, taken: Taken) -> None:
        assert taken.dispute is not None
        taken.dispute, taken.charged_back = msgspec.structs.replace(taken.dispute, status=DisputeStatus.WON), 0
        self._tell_dispute(taken, "dispute.funds_reinstated")

    def _tell_dispute(self, taken: Taken, kind: str) -> None:
        assert taken.dispute is not None
        told = msgspec.structs.replace(taken.dispute, told_at=self._agenda.now)
        self._say(kind, order_id=taken.order_id, dispute=told)

    # ------------------------------------------------------------ payouts
    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        return self._line.call("pay_out", lambda: self._pay_out(request))

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        return self._line.call("find_payout", lambda: self._payout(request.payout_id))

    def _pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        if request.payout_id not in self.payouts:
            state = self._mood({PayoutState.IN_TRANSIT: 8, PayoutState.FAILED: 1.5})
            self.payouts[request.payout_id] = (request.amount.amount, request.destination, state)
            if state == PayoutState.IN_TRANSIT:
                low, high = timedelta(minutes=5), timedelta(days=3)
                self._agenda.add_within("payout lands", lambda: self._land(request.payout_id), low=low, high=high)
        outcome = self._payout(request.payout_id)
        assert outcome is not None
        return outcome

    def _land(self, payout_id: str) -> None:
        amount, destination, _ = self.payouts[payout_id]
        state = self._mood({PayoutState.PAID: 6, PayoutState.FAILED: 1.5, PayoutState.RETURNED: 1.5})
        self.payouts[payout_id] = (amount, destination, state)
        if state == PayoutState.PAID:
            self.paid_out += amount
            if self._chance.happens(0.15):  # in quiet time, too: most sellers are paid late in a run
                low, high, last = timedelta(hours=1), timedelta(days=6), self._agenda.now + _COMES_BACK_WITHIN
                self._agenda.add_within("payout returns", lambda: self._return(payout_id, last), low=low, high=high)
        self._say("payout.changed", payout_id=payout_id)

    def _return(self, payout_id: str, last: datetime) -> None:
        if self._agenda.now > last:
            return
        amount, destination, _ = self.payouts[payout_id]
        self.payouts[payout_id] = (amount, destination, PayoutState.RETURNED)
        self.paid_out -= amount
        if self._chance.happens(0.5):  # else nobody is told, and has to look
            self._say("payout.changed", payout_id=payout_id)

    # ------------------------------------------------------------ the rest of the port
    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        raise AssertionError(f"webhooks are told of as they were read: {body!r} {headers!r}")

    def iter_transactions(self, *, since: datetime) -> Iterator[ProviderTransaction]:
        raise AssertionError(f"the books are read as they are: {since}")

    # ------------------------------------------------------------ the books
    @property
    def net(self) -> int:
        """What the bank holds for us."""
        back = sum(
            amount
            for taken in self.captures
            for amount, state in taken.refunds.values()
            if state == RefundState.SUCCEEDED
        )
        charged_back = sum(taken.charged_back for taken in self.captures)
        return sum(taken.amount for taken in self.captures) - back - charged_back - self.paid_out

    def taken_of(self, order_id: str) -> list[Taken]:
        return [taken for taken in self.captures if taken.order_id == order_id]

    def set_aside(self) -> list[str]:
        """Orders whose money is held and was never taken."""
        return [one.order_id for one in self.attempts.values() if one.state == PaymentState.AUTHORIZED]

    def _taken(self, attempt_id: str) -> Taken:
        return next(taken for taken in self.captures if taken.attempt_id == attempt_id)

    def _mood(self, weights: Mapping[T, float]) -> T:
        return self._chance.pick_weighted(weights) if self.is_moody else next(iter(weights))

    def _say(self, kind: str, **fields: object) -> None:
        dispute, order_id, payout_id = fields.get("dispute"), fields.get("order_id"), fields.get("payout_id")
        refund_id = fields.get("failed_refund_id")
        event = PartnerEvent(
            provider_event_id=self._chance.new_id("evt"),
            kind=kind,
            occurred_at=self._agenda.now,
            order_id=None if order_id is None else OrderId(str(order_id)),
            payout_id=None if payout_id is None else PayoutId(str(payout_id)),
            failed_refund_id=None if refund_id is None else RefundId(str(refund_id)),
            dispute=dispute if isinstance(dispute, Dispute) else None,
        )
        self._tell(event)

    def _known(self, attempt_id: str) -> PaymentOutcome:
        outcome = self._outcome(attempt_id)
        assert outcome is not None
        return outcome

    def _outcome(self, attempt_id: str) -> PaymentOutcome | None:
        attempt = self.attempts.get(attempt_id)
        if attempt is None:
            return None
        url = "https://bank.example/prove" if attempt.state == PaymentState.REQUIRES_ACTION else None
        return PaymentOutcome(state=attempt.state, provider_reference=f"bk_{attempt_id}", action_url=url)

    def _refund(self, taken: Taken, refund_id: str) -> RefundOutcome | None:
        if refund_id not in taken.refunds:
            return None
        return RefundOutcome(state=taken.refunds[refund_id][1], provider_reference=f"bk_{refund_id}")

    def _payout(self, payout_id: str) -> PayoutOutcome | None:
        known = self.payouts.get(payout_id)
        return None if known is None else PayoutOutcome(state=known[2], provider_reference=f"bk_{payout_id}")
