"""API keys whose reads are above a limit: the poll loop refuses their next reads without a thread."""

from typing import Final, Protocol

import msgspec

from apps.core.fair_shares.limiter import LimitedTenant
from apps.core.fair_shares.priorities import Priority
from apps.core.fair_shares.refusals import RateLimited

_MAX_KEYS: Final = 10_000
_OF_THE_KEY: Final = frozenset({"tenant", "key"})  # a shopper's own limit stops no other shopper with the same key
_STOPS_READS: Final = frozenset(Priority) - {Priority.BATCH}  # what is refused there is refused to reads as well


class FencedTenant(LimitedTenant, Protocol):
    """What a refusal needs of a tenant."""

    def allows_origin(self, origin: str) -> bool:
        """Return whether pages of this origin can read the response."""


class Closed(msgspec.Struct, frozen=True, gc=False):
    """A key whose reads are refused until a moment (monotonic seconds)."""

    until: float
    tenant: FencedTenant
    key_id: str
    refusal: RateLimited


class Fence:
    """The closed keys, by their text. Written by threads, read by the poll loop; each step is one dict operation."""

    def __init__(self, most: int = _MAX_KEYS) -> None:
        self._most = most
        self._closed: dict[bytes, Closed] = {}

    def close(self, key: bytes, closed: Closed, priority: Priority) -> None:
        """Refuse the reads of a key until there is a token for one, if a read would be refused as this request was."""
        if closed.refusal.policy not in _OF_THE_KEY or priority not in _STOPS_READS:
            return
        if len(self._closed) >= self._most:
            self._closed.clear()  # each is closed again by its next request
        self._closed[key] = closed

    def find(self, key: bytes, now: float) -> Closed | None:
        """Return why the reads of a key are refused; None if they are not."""
        closed = self._closed.get(key)
        if closed is None:
            return None
        if now < closed.until:
            return closed
        self._closed.pop(key, None)
        return None

    def clear(self) -> None:
        """Open all."""
        self._closed.clear()


FENCE: Final = Fence()
