"""The staff of a run: they decide what no table can, as the runbook has it, or otherwise."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from resale.application.operations.claims import resolve_claim
from resale.application.operations.orders import (
    Acknowledgement,
    ClaimDecision,
    NewCompensation,
    acknowledge_order,
    compensate_seller,
    settle_carrier_claim,
)
from resale.application.ports import UnitOfWork
from resale.domain.access import Principal, Role
from resale.domain.claims import CLAIMS, Resolution, Verdict
from resale.domain.ids import ClaimId, OrderId
from resale.domain.issues import Issue
from resale.domain.parcel_news import PARCEL_ISSUES, RETURN_ISSUES
from resale.domain.policies import LossBearer
from tests.simulation.watching import Doc

if TYPE_CHECKING:
    from tests.simulation.run import Run

BRAND = Principal(standing=Role.BRAND)
#: What staff decide of an order, and of a claim.
_DECIDED = frozenset({*PARCEL_ISSUES, *RETURN_ISSUES, Issue.CARRIER_CLAIM_OPEN})
_STUCK = frozenset({Issue.RETURN_LABEL_MISSING, Issue.RETURN_LABEL_REFUSED, Issue.RETURN_NOT_DELIVERED})


class _Say(Protocol):
    def __call__(
        self, what: str, said: Callable[[UnitOfWork], object], /, *, principal: Principal | None = None
    ) -> None: ...


class Staff:
    """Picks what is decided; the run hears it."""

    def __init__(self, run: "Run", *, say: _Say, refund: Callable[[Doc, int | None], None]) -> None:
        self._run, self._chance, self._watch = run, run.chance, run.watch
        self._say, self._refund_order = say, refund

    def decide(self) -> None:
        """Staff act on what needs them: of a parcel or a return, or a claim that waits for a label."""
        stuck = [one for one in self._watch.all("order") if not _DECIDED.isdisjoint(one["issues"])]
        claims = [one for one in self._watch.all("claim") if not _STUCK.isdisjoint(one["issues"])]
        claims = [one for one in claims if one["status"] not in CLAIMS.final]
        if claims and (not stuck or self._chance.happens(0.5)):
            claim_id = ClaimId(self._chance.pick(claims)["id"])
            kept = Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN, note="Keep it.")
            self._say(
                f"brand lets the buyer of {claim_id} keep it",
                lambda uow: resolve_claim(uow, claim_id=claim_id, resolution=kept),
                principal=BRAND,
            )
        elif stuck:
            self._decide_order(self._chance.pick(stuck))

    def _decide_order(self, order: Doc) -> None:
        order_id, issues = OrderId(order["id"]), order["issues"]
        if Issue.CARRIER_CLAIM_OPEN in issues and (len(issues) == 1 or self._chance.happens(0.5)):
            # The carrier decides once; staff may have to enter it again.
            paid = self._run.post.credited.setdefault(
                order_id, self._chance.pick((0, order["compensation"]["amount"] // 2))
            )
            decision = ClaimDecision(paid_amount=paid)
            self._say(
                f"the carrier pays {paid} for {order_id}",
                lambda uow: settle_carrier_claim(uow, order_id=order_id, decision=decision),
                principal=BRAND,
            )
        elif self._chance.happens(0.3):
            self._refund_order(order, None)
        elif self._chance.happens(0.4):
            new = NewCompensation(borne_by=self._chance.pick((LossBearer.PLATFORM, LossBearer.CARRIER_CLAIM)))
            self._say(
                f"brand compensates the seller of {order_id}",
                lambda uow: compensate_seller(uow, order_id=order_id, new=new),
                principal=BRAND,
            )
        else:
            seen = Acknowledgement(reason="agreed_with_seller")
            self._say(
                f"brand acknowledges {order_id}",
                lambda uow: acknowledge_order(uow, order_id=order_id, acknowledgement=seen),
                principal=BRAND,
            )

    def is_needed(self) -> bool:
        """Whether anything waits for staff."""
        issues = {issue for kind in ("order", "claim") for one in self._watch.all(kind) for issue in one["issues"]}
        return not issues.isdisjoint(_DECIDED | _STUCK)

    def decide_all(self) -> None:
        """Staff come to their desks in the quiet, until nothing waits for them."""
        for _ in range(20):
            if not self.is_needed():
                return
            self.decide()
