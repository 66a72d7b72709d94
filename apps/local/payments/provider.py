"""What the provider does with an attempt. Saying the same thing twice does it once; calls on one attempt wait in line.

Tokens: ``tok_ok`` pays; ``tok_declined`` does not; ``tok_timeout`` pays and loses the first answer; ``tok_error`` fails
twice with nothing booked, then pays; ``tok_slow`` takes ten seconds, then pays. Any other is declined.
"""

import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import msgspec

from apps.local.payments.books import Books, Row

ATTEMPT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

_FAILING_TRIES: Final = 2
_REASONS: Final = {"tok_declined": "card_declined"}
_PAYING: Final = frozenset({"tok_ok", "tok_timeout", "tok_error", "tok_slow"})


class ProviderError(Exception):
    """The provider is out of order; nothing was booked."""


class AnswerLost(Exception):  # noqa: N818 - named for what happened
    """Booked, but the caller shall not hear of it."""


class AttemptReused(Exception):  # noqa: N818 - named for what happened
    """The attempt id was used before, for another charge."""


class Charge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for. ``amount`` in minor units; ``attempt_id`` is the idempotency key."""

    attempt_id: Annotated[str, msgspec.Meta(pattern=f"^{ATTEMPT_ID.pattern}$")]
    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    amount: Annotated[int, msgspec.Meta(gt=0, le=10**12)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class SandboxProvider:
    """The provider. ``slow_seconds`` is how long ``tok_slow`` takes."""

    def __init__(self, books: Books, *, slow_seconds: float = 10.0) -> None:
        """Keep the books; nothing is read."""
        self._books = books
        self._slow_seconds = slow_seconds
        self._lines = _Lines()
        self._closing = threading.Event()

    def charge(self, charge: Charge) -> Row:
        """Take the money once.

        Raises:
            AttemptReused: The id stands for another charge.
            ProviderError: Not now; nothing was booked.
            AnswerLost: Booked; do not answer.
        """
        with self._lines.wait_for(charge.attempt_id):
            booked = self._books.find(charge.attempt_id)
            if booked is not None:
                return _same(booked, charge)
            return self._take(charge)

    def find(self, attempt_id: str) -> Row | None:
        """Say what became of an attempt."""
        return self._books.find(attempt_id)

    def refund(self, attempt_id: str) -> Row:
        """Give the money back; an attempt never booked is closed, so that a late charge takes nothing."""
        with self._lines.wait_for(attempt_id):
            booked = self._books.find(attempt_id)
            if booked is None:
                row = Row(
                    attempt_id=attempt_id,
                    order_id="",
                    amount=0,
                    currency="",
                    token="",
                    state="voided",
                    reference=_new(),
                )
                self._books.book(row)
                return row
            if booked.state == "captured":
                self._books.set_state(attempt_id, "refunded")
                return msgspec.structs.replace(booked, state="refunded")
            return booked

    def rows(self) -> list[Row]:
        """Return the books."""
        return self._books.rows()

    def close(self) -> None:
        """End what is slow: it books nothing."""
        self._closing.set()

    def _take(self, charge: Charge) -> Row:
        tried = self._books.count_try(charge.attempt_id)
        if charge.token == "tok_error" and tried <= _FAILING_TRIES:  # noqa: S105 - a sandbox token
            raise ProviderError
        if charge.token == "tok_slow" and self._closing.wait(self._slow_seconds):  # noqa: S105 - a sandbox token
            raise ProviderError
        row = _decide(charge)
        self._books.book(row)
        if charge.token == "tok_timeout":  # noqa: S105 - a sandbox token
            raise AnswerLost
        return row


class _Lines:
    """One line of waiting callers per attempt; a line nobody stands in is forgotten."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def wait_for(self, name: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
            self._waiting[name] += 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                self._waiting[name] -= 1
                if not self._waiting[name]:
                    del self._locks[name], self._waiting[name]


def _decide(charge: Charge) -> Row:
    is_paying = charge.token in _PAYING
    return Row(
        attempt_id=charge.attempt_id,
        order_id=charge.order_id,
        amount=charge.amount,
        currency=charge.currency,
        token=charge.token,
        state="captured" if is_paying else "declined",
        reference=_new(),
        reason=None if is_paying else _REASONS.get(charge.token, "invalid_token"),
    )


def _same(booked: Row, charge: Charge) -> Row:
    asked = (charge.order_id, charge.amount, charge.currency, charge.token)
    is_closed = booked.state == "voided"  # before it was ever charged, so there is nothing to compare
    if not is_closed and (booked.order_id, booked.amount, booked.currency, booked.token) != asked:
        raise AttemptReused
    return booked


def _new() -> str:
    return f"sbx_{uuid.uuid4().hex}"
