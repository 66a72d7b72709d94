"""Postponing a step whose partner does not respond: with back-off, and an issue after about a day."""

from datetime import datetime
from typing import Final, TypeVar

import msgspec

from resale.domain.claims import Claim
from resale.domain.issues import Issue, raise_issue
from resale.domain.orders import Order
from resale.domain.partners import PartnerBalanceTooLow, pause_after
from resale.domain.payouts import Payout
from resale.domain.versions import next_version

_TRIES_TOLD: Final = 30  # half a minute, doubled seven times, then an hour each: 24 hours

W = TypeVar("W", Order, Claim, Payout)


def postpone(waiting: W, *, reason_code: str, now: datetime) -> W:
    """Postpone the present step. A balance that is too low is an issue at once, silence after about a day."""
    tries = waiting.step_tries
    if reason_code == PartnerBalanceTooLow.code:
        waiting = raise_issue(waiting, Issue.BALANCE_TOO_LOW)
    elif tries >= _TRIES_TOLD:
        waiting = raise_issue(waiting, Issue.PARTNER_SILENT)
    postponed = msgspec.structs.replace(waiting, step_tries=tries + 1, due_at=now + pause_after(tries))
    return next_version(postponed, now=now)
