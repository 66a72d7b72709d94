"""Events that are not ours to believe: of sellers' own accounts, of another mode, and about objects made elsewhere."""

from collections.abc import Callable
from datetime import timedelta

import msgspec

from resale.domain.ids import OrderId, RefundId
from resale.domain.partners import PartnerEvent
from resale.domain.payments import Dispute, DisputeStatus
from tests.simulation.agenda import Agenda
from tests.simulation.bank import Bank, Taken
from tests.simulation.chance import Chance

_OFTEN = 4  # at most, in one run
_WITHIN = (timedelta(hours=1), timedelta(days=20))


class Strangers:
    """Sends webhooks with a valid signature that must change nothing.

    A connected account's owner writes the metadata of its objects, and its events reach the platform's endpoint
    (docs.stripe.com/connect/webhooks); a live endpoint receives test events, too (the same page).
    """

    def __init__(self, chance: Chance, agenda: Agenda, bank: Bank, tell: Callable[[PartnerEvent], None]) -> None:
        self._chance, self._agenda, self._bank, self._tell = chance, agenda, bank, tell

    def begin(self) -> None:
        """Add what they send to the agenda."""
        low, high = _WITHIN
        for _ in range(self._chance.between(0, _OFTEN)):
            self._agenda.add_within("a stranger's event", self._send, low=low, high=high)

    def _send(self) -> None:
        kind = self._chance.pick(("account", "mode", "elsewhere"))
        event = PartnerEvent(
            provider_event_id=self._chance.new_id("evt"), kind=f"stranger.{kind}", occurred_at=self._agenda.now
        )
        if kind == "elsewhere":
            self._tell(msgspec.structs.replace(event, reference=f"bk_{self._chance.new_id('pay')}"))
            return
        if not self._bank.captures:
            return
        victim = self._chance.pick(self._bank.captures)
        claimed = self._claim(msgspec.structs.replace(event, order_id=OrderId(victim.order_id)), victim)
        if kind == "account":
            self._tell(msgspec.structs.replace(claimed, account="acct_666"))
        else:
            self._tell(msgspec.structs.replace(claimed, livemode=True))  # runs are a sandbox's

    def _claim(self, event: PartnerEvent, victim: Taken) -> PartnerEvent:
        """Claim that a sale's money is gone."""
        if victim.refunds and self._chance.happens(0.5):
            refund_id = RefundId(self._chance.pick(tuple(victim.refunds)))
            return msgspec.structs.replace(event, failed_refund_id=refund_id)
        dispute = Dispute(
            provider_reference=f"dp_of_a_stranger_{victim.attempt_id}",
            status=DisputeStatus.LOST,
            amount=victim.amount,
            reason_code="fraud",
            told_at=self._agenda.now,
        )
        return msgspec.structs.replace(event, dispute=dispute)
