"""What is left to chance: one seeded source for a whole run, and how likely each mishap is."""

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Odds(msgspec.Struct, frozen=True, kw_only=True):
    """How likely each mishap is, each time it could happen."""

    # at a write
    crash_before: float = 0.012
    crash_after: float = 0.012
    answer_lost: float = 0.02  # the data lane says it again, and finds its own
    unavailable_before: float = 0.01
    unavailable_after: float = 0.01
    conflict: float = 0.02
    interleave: float = 0.10  # somebody else acts between what was read and this write
    interleave_read: float = 0.04  # or between what was read and what is read next
    same_message: float = 0.25  # then it is another worker with the same message
    # at a partner
    partner_down: float = 0.04
    partner_answer_lost: float = 0.05
    partner_paused: float = 0.01
    partner_crash: float = 0.01
    partner_interleave: float = 0.06
    disputed: float = 0.15  # a payment, by the buyer's bank
    # at a queue
    duplicate: float = 0.05
    drop: float = 0.05  # of the orders queue; of the changes queue the relay begins anew
    delay: float = 0.08
    refused: float = 0.003
    relay_rewinds: float = 0.004
    # at a webhook
    hook_duplicate: float = 0.15
    hook_drop: float = 0.10  # every one: what it reports can be read
    hook_delay: float = 0.5


CALM = Odds(**dict.fromkeys(Odds.__struct_fields__, 0.0))


class Chance:
    """The run's one source of randomness."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - replayable on purpose
        self._made = 0

    def happens(self, odds: float) -> bool:
        return odds > 0 and self._random.random() < odds

    def pick(self, things: Sequence[T]) -> T:
        return things[self._random.randrange(len(things))]

    def pick_weighted(self, weights: Mapping[T, float]) -> T:
        return self._random.choices(tuple(weights), weights=tuple(weights.values()))[0]

    def between(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def new_id(self, prefix: str) -> str:
        """Make an id that sorts by time of making, as the real ones do."""
        self._made += 1
        return f"{prefix}_{self._made:010x}{self._random.getrandbits(88):022x}"
