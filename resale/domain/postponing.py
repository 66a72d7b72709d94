"""Postponing a step whose partner does not respond: with back-off, and an issue after about a day."""

from datetime import datetime
from typing import Final, TypeVar

import msgspec

from resale.domain.claims import Claim
from resale.domain.issues import Issue, raise_issue
from resale.domain.orders import Order
from resale.domain.partners import pause_after
from resale.domain.payouts import Payout
from resale.domain.versions import next_version

_TRIES_TOLD: Final = 30  # half a minute, doubled seven times, then an hour each: 24 hours

W = TypeVar("W", Order, Claim, Payout)


def postpone(waiting: W, *, now: datetime) -> W:
    """Postpone the present step; after about a day its partner's silence is an issue."""
    tries = waiting.step_tries
    if tries >= _TRIES_TOLD:
        waiting = raise_issue(waiting, Issue.PARTNER_SILENT)
    postponed = msgspec.structs.replace(waiting, step_tries=tries + 1, due_at=now + pause_after(tries))
    return next_version(postponed, now=now)
