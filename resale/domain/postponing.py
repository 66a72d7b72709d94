"""Postponing a step whose partner does not respond: with back-off, and an issue after about a day."""

from datetime import datetime
from typing import Final, TypeVar

import msgspec

from resale.domain.claims import Claim
from resale.domain.issues import Issue
from resale.domain.orders import Order
from resale.domain.partners import pause_after
from resale.domain.payouts import Payout
from resale.domain.versions import next_version

_TRIES_TOLD: Final = 30  # half a minute, doubled seven times, then an hour each: 24 hours

W = TypeVar("W", Order, Claim, Payout)


def postpone(waiting: W, *, now: datetime) -> W:
    """Postpone the present step; an existing issue is kept."""
    is_news = waiting.attention is None and waiting.step_tries >= _TRIES_TOLD
    postponed = msgspec.structs.replace(
        waiting,
        step_tries=waiting.step_tries + 1,
        attention=Issue.PARTNER_SILENT if is_news else waiting.attention,
        due_at=now + pause_after(waiting.step_tries),
    )
    return next_version(postponed, now=now)
