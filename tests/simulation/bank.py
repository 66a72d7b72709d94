"""The payment provider of a run: books of its own, a will of its own, and webhooks that say so."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from resale.domain.account_movements import AccountMovement, MovementKind
from resale.domain.amount_rules import AmountRules
from resale.domain.ids import OrderId, PayoutId, RefundId
from resale.domain.money import Money
from resale.domain.onboarding import OnboardingLink, OnboardingRequest
from resale.domain.partners import PartnerEvent, ProviderTransaction
from resale.domain.payments import (
    Dispute,
    DisputeStatus,
    PaymentOutcome,
    PaymentRequest,
    PaymentState,
    ProviderRefund,
    RefundOutcome,
    RefundState,
)
from resale.domain.payouts import PayoutOutcome, PayoutRequest, PayoutState
from resale.domain.sellers import PayoutAccount
from tests.simulation.agenda import Agenda
from tests.simulation.chance import Chance
from tests.simulation.currencies import part_in
from tests.simulation.line import Line

T = TypeVar("T")

_DONE = RefundState.SUCCEEDED
_with = msgspec.structs.replace
_SETTLES = (timedelta(hours=1), timedelta(days=4))
#: docs.stripe.com/api/payouts/failures; the last is a code that nobody has heard of yet.
_PAYOUT_FAILURES = ("account_closed", "could_not_process", "no_account", "insufficient_funds", "a_new_failure")
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
    foreign: dict[str, tuple[int, RefundState]] = {}  # made in the dashboard, or by the bank itself
    charged_back: dict[str, int] = {}  # by the dispute that took it
    disputes: dict[str, Dispute] = {}
    released: int = 0  # set aside, and not taken

    @property
    def back(self) -> int:
        """What went back to the buyer."""
        given = (*self.refunds.values(), *self.foreign.values())
        succeeded = sum(amount for amount, state in given if state == RefundState.SUCCEEDED)
        return succeeded + sum(self.charged_back.values())

    @property
    def left(self) -> int:
        """What can still go back."""
        given = (*self.refunds.values(), *self.foreign.values())
        asked = sum(amount for amount, state in given if state != RefundState.FAILED)
        return self.amount - asked - sum(self.charged_back.values())

    @property
    def is_disputed(self) -> bool:
        """Whether a dispute stands against refunds."""
        return any(dispute.status == DisputeStatus.OPEN for dispute in self.disputes.values())


class Bank:
    """Keeps ``resale.application.ports.PaymentProvider``. ``tell`` sends a webhook."""

    name = "bank"

    def __init__(
        self,
        chance: Chance,
        agenda: Agenda,
        line: Line,
        tell: Callable[[PartnerEvent], None],
        *,
        rules: AmountRules,
    ) -> None:
        self._rules = rules
        self._chance, self._agenda, self._line, self._tell = chance, agenda, line, tell
        self.is_moody = True  # in quiet time everything succeeds
        self.attempts: dict[str, Attempt] = {}
        self.captures: list[Taken] = []
        self.movements: list[AccountMovement] = []
        self.payouts: dict[str, tuple[int, str, PayoutState]] = {}
        self.unpayable: set[str] = set()  # payouts of amounts that it cannot pay
        self.accounts: dict[str, PayoutAccount] = {}
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
            self._take(request.attempt_id, attempt)
        return self._known(request.attempt_id)

    def _take(self, attempt_id: str, attempt: Attempt) -> None:
        """Capture; now and then a person in the dashboard was faster, and took a part."""
        attempt.state = PaymentState.CAPTURED
        is_part = self.is_moody and attempt.amount > 1 and self._chance.happens(0.04)
        amount = part_in(self._rules, self._chance.between(1, attempt.amount - 1)) if is_part else attempt.amount
        released = attempt.amount - amount
        taken = Taken(attempt_id=attempt_id, order_id=attempt.order_id, amount=amount, released=released)
        self.captures.append(taken)
        self._charge(MovementKind.FEE, attempt_id, amount * 15 // 1000 + 20)
        if not self.is_moody or is_part:
            return
        if self._chance.happens(self._line.odds.disputed):
            low, high = timedelta(minutes=1), timedelta(days=30)
            self._agenda.add_within("dispute", lambda: self._dispute(taken), low=low, high=high)
        if self._chance.happens(0.1):
            low, high = timedelta(minutes=1), timedelta(days=20)
            act = lambda: self._refund_in_dashboard(taken)  # noqa: E731 - what the agenda does
            self._agenda.add_within("refund in the dashboard", act, low=low, high=high)

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
            if self._refuses(taken, amount) or amount % self._rules.refund_unit:
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

    def list_refunds(self, request: PaymentRequest) -> tuple[ProviderRefund, ...]:
        taken = self._taken(request.attempt_id)
        return self._line.call("list_refunds", lambda: tuple(self._listed(taken)))

    def _listed(self, taken: Taken) -> Iterator[ProviderRefund]:
        for name, (amount, state) in (*taken.refunds.items(), *taken.foreign.items()):
            money, is_ours = Money(amount=amount, currency=self._rules.currency), name in taken.refunds
            reference = f"bk_{name}" if is_ours else name
            ours = RefundId(name) if is_ours else None
            yield ProviderRefund(provider_reference=reference, refund_id=ours, state=state, amount=money)
        if taken.released:
            rest = Money(amount=taken.released, currency=self._rules.currency)
            yield ProviderRefund(provider_reference=f"rest_{taken.attempt_id}", state=_DONE, amount=rest)

    def _refund_in_dashboard(self, taken: Taken, amount: int | None = None) -> None:
        """A person refunds at the bank, or the bank does; the shop hears of it by a webhook, if at all."""
        if not taken.left or (taken.is_disputed and amount is None):
            return
        whole = amount or (taken.left if self._chance.happens(0.5) else self._part_of(taken.left))
        name = self._chance.new_id("dash")
        state = self._mood({RefundState.SUCCEEDED: 8, RefundState.PENDING: 2}) if amount is None else _DONE
        taken.foreign = {**taken.foreign, name: (whole, state)}
        if state == RefundState.PENDING:
            low, high = _SETTLES
            self._agenda.add_within("refund settles", lambda: self._settle_foreign(taken, name), low=low, high=high)
        elif amount is None:
            self._foreign_may_fail_yet(taken, name)
        self._say("refund.created", order_id=taken.order_id, reviews_payment=True)

    def _settle_foreign(self, taken: Taken, name: str) -> None:
        state = self._mood({RefundState.SUCCEEDED: 7, RefundState.FAILED: 2})
        taken.foreign[name] = (taken.foreign[name][0], state)
        self._say("refund.updated", order_id=taken.order_id, reviews_payment=True)

    def _foreign_may_fail_yet(self, taken: Taken, name: str) -> None:
        if self.is_moody and self._chance.happens(0.15):
            low, high = timedelta(minutes=1), timedelta(days=25)
            self._agenda.add_within("refund fails", lambda: self._fail_foreign(taken, name), low=low, high=high)

    def _fail_foreign(self, taken: Taken, name: str) -> None:
        taken.foreign[name] = (taken.foreign[name][0], RefundState.FAILED)
        self._say("refund.failed", order_id=taken.order_id, reviews_payment=True)

    def _refuses(self, taken: Taken, amount: int) -> bool:
        """Whether something that we may not know of stands against a refund. Else the bank trusts us not to err."""
        has_surprise = bool(taken.foreign or taken.charged_back)
        return taken.is_disputed or (has_surprise and amount > taken.left)

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
    def list_disputes(self, request: PaymentRequest) -> tuple[Dispute, ...]:
        taken = self._taken(request.attempt_id)
        return self._line.call("list_disputes", lambda: tuple(taken.disputes.values()))

    def _part_of(self, amount: int) -> int:
        return min(part_in(self._rules, self._chance.between(1, amount)), amount)

    def _dispute(self, taken: Taken) -> None:
        if taken.is_disputed or not taken.left:
            return
        amount = taken.left if self._chance.happens(0.6) else self._part_of(taken.left)
        reference = f"dp_{taken.attempt_id}_{len(taken.disputes)}"
        self._charge(MovementKind.DISPUTE_FEE, reference, 2_000)  # also of one that is won (docs.stripe.com/disputes)
        opened = Dispute(
            provider_reference=reference,
            status=DisputeStatus.OPEN,
            amount=amount,
            currency=self._rules.currency,
            reason_code="fraud",
        )
        if self._chance.happens(0.15):  # a rule of the shop's at the bank: refunded before it is a chargeback
            taken.disputes = {**taken.disputes, reference: _with(opened, status=DisputeStatus.PREVENTED)}
            self._refund_in_dashboard(taken, amount)
            self._tell_dispute(taken, reference, "dispute.prevented")
            return
        taken.disputes = {**taken.disputes, reference: opened}
        self._tell_dispute(taken, reference, "dispute.opened")
        low, high = timedelta(hours=1), timedelta(days=70)
        self._agenda.add_within("dispute ends", lambda: self._decide(taken, reference), low=low, high=high)

    def _decide(self, taken: Taken, reference: str) -> None:
        status = self._mood({DisputeStatus.LOST: 6, DisputeStatus.WON: 4})
        amount = min(taken.disputes[reference].amount, taken.left)
        taken.disputes[reference] = _with(taken.disputes[reference], status=status, amount=amount)
        if status == DisputeStatus.LOST and amount:
            taken.charged_back = {**taken.charged_back, reference: amount}
            if self._chance.happens(0.6):
                low, high, act = timedelta(hours=1), timedelta(days=20), lambda: self._reinstate(taken, reference)
                self._agenda.add_within("dispute is won after all", act, low=low, high=high)
        if self._chance.happens(0.3):
            low, high = timedelta(hours=1), timedelta(days=10)
            self._agenda.add_within("another dispute", lambda: self._dispute(taken), low=low, high=high)
        self._tell_dispute(taken, reference, "dispute.closed")

    def _reinstate(self, taken: Taken, reference: str) -> None:
        taken.disputes[reference] = _with(taken.disputes[reference], status=DisputeStatus.WON)
        taken.charged_back = {name: amount for name, amount in taken.charged_back.items() if name != reference}
        self._tell_dispute(taken, reference, "dispute.funds_reinstated")

    def _tell_dispute(self, taken: Taken, reference: str, kind: str) -> None:
        told = _with(taken.disputes[reference], told_at=self._agenda.now)
        self._say(kind, order_id=taken.order_id, dispute=told, reviews_payment=True)

    # ------------------------------------------------------------ fees
    def _charge(self, kind: MovementKind, of: str, amount: int) -> None:
        """Deduct a fee; Stripe has it with the balance transaction (docs.stripe.com/api/balance_transactions)."""
        fee = AccountMovement(
            id=f"txn_{of}",
            kind=kind,
            amount=amount,
            currency=self._rules.currency,
            at=self._agenda.now,
            is_account_wide=False,
        )
        self.movements.append(fee)

    # ------------------------------------------------------------ payouts
    def onboard(self, request: OnboardingRequest) -> OnboardingLink:
        raise AssertionError(f"nobody is onboarded here: {request}")

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        return self._line.call("pay_out", lambda: self._pay_out(request))

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        return self._line.call("find_payout", lambda: self._payout(request.payout_id))

    def _pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        if request.payout_id not in self.payouts:
            state = self._mood({PayoutState.IN_TRANSIT: 8, PayoutState.FAILED: 1.5})
            if request.amount.amount % self._rules.payout_unit:  # docs.stripe.com/currencies, special cases
                state, self.unpayable = PayoutState.FAILED, {*self.unpayable, request.payout_id}
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
        if self._chance.happens(0.15):  # in quiet time, too: most sellers are paid late in a run
            self._leave(payout_id)
            return
        self.payouts[payout_id] = (amount, destination, state)
        if state == PayoutState.PAID:
            self.paid_out += amount
            if self._chance.happens(0.15):  # in quiet time, too: most sellers are paid late in a run
                low, high, last = timedelta(hours=1), timedelta(days=6), self._agenda.now + _COMES_BACK_WITHIN
                self._agenda.add_within("payout returns", lambda: self._return(payout_id, last), low=low, high=high)
        self._say("payout.changed", payout_id=payout_id)

    def _leave(self, payout_id: str) -> None:
        """The seller's account leaves: nobody sees the payout until a person reverses it, or the account is back.

        Source: docs.stripe.com/error-codes#account-invalid.
        """
        amount, destination, _ = self.payouts[payout_id]
        self.payouts[payout_id] = (amount, destination, PayoutState.UNREACHABLE)
        low, high = timedelta(hours=1), timedelta(days=12)
        self._agenda.add_within("a payout is in reach again", lambda: self._find_again(payout_id), low=low, high=high)

    def _find_again(self, payout_id: str) -> None:
        amount, destination, _ = self.payouts[payout_id]
        state = self._chance.pick((PayoutState.PAID, PayoutState.FAILED))
        self.payouts[payout_id] = (amount, destination, state)
        self.paid_out += amount if state == PayoutState.PAID else 0

    def _return(self, payout_id: str, last: datetime) -> None:
        if self._agenda.now > last:
            return
        amount, destination, _ = self.payouts[payout_id]
        self.payouts[payout_id] = (amount, destination, PayoutState.RETURNED)
        self.paid_out -= amount
        if self._chance.happens(0.5):  # else nobody is told, and has to look
            self._say("payout.changed", payout_id=payout_id)

    def find_payout_account(self, destination: str) -> PayoutAccount | None:
        return self._line.call("find_payout_account", lambda: self.accounts.get(destination))

    # ------------------------------------------------------------ the rest of the port
    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        raise AssertionError(f"webhooks are told of as they were read: {body!r} {headers!r}")

    def iter_account_movements(self, *, since: datetime, until: datetime) -> Iterator[AccountMovement]:
        yield from (one for one in self.movements if since <= one.at < until)

    def iter_transactions(self, *, since: datetime) -> Iterator[ProviderTransaction]:
        raise AssertionError(f"the books are read as they are: {since}")

    # ------------------------------------------------------------ the books
    @property
    def net(self) -> int:
        """What the bank holds for us."""
        held = sum(taken.amount - taken.back for taken in self.captures)
        return held - self.paid_out - sum(one.amount for one in self.movements)

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
            reviews_payment=bool(fields.get("reviews_payment")),
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
        amount = sum(taken.amount for taken in self.captures if taken.attempt_id == attempt_id)
        captured = (
            Money(amount=amount, currency=self._rules.currency) if attempt.state == PaymentState.CAPTURED else None
        )
        return PaymentOutcome(
            state=attempt.state, provider_reference=f"bk_{attempt_id}", action_url=url, captured=captured
        )

    def _refund(self, taken: Taken, refund_id: str) -> RefundOutcome | None:
        if refund_id not in taken.refunds:
            return None
        amount, state = taken.refunds[refund_id]
        money = Money(amount=amount, currency=self._rules.currency)
        return RefundOutcome(state=state, provider_reference=f"bk_{refund_id}", amount=money)

    def _payout(self, payout_id: str) -> PayoutOutcome | None:
        known = self.payouts.get(payout_id)
        if known is None:
            return None
        state = known[2]
        reason = self._reason_of(payout_id) if state in {PayoutState.FAILED, PayoutState.RETURNED} else None
        return PayoutOutcome(state=state, provider_reference=f"bk_{payout_id}", reason_code=reason)

    def _reason_of(self, payout_id: str) -> str:
        """Why it failed: the seller's account, or nothing of theirs; the id decides, so that it is always the same."""
        if payout_id in self.unpayable:
            return "amount_not_supported"
        return _PAYOUT_FAILURES[int(payout_id[-2:], 16) % len(_PAYOUT_FAILURES)]
