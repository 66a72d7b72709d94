"""What every part of the provider shares: the books, a line of callers per thing, and who is told of changes."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from deploy.local.payments.store import PaymentRecords


class ProviderError(Exception):
    """The provider is out of order; nothing was booked."""


class ResponseLost(Exception):  # noqa: N818 - named for what happened
    """Booked, but the caller shall not hear of it."""


class Refusal(Exception):  # noqa: N818 - named for what happened
    """A request that gets no further; ``code`` goes to the caller."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class Notify(Protocol):
    """Tells an account's shop of a change, by and by."""

    def __call__(self, account: str, event_type: str, data: Any) -> None:
        """Return at once."""


class ProviderContext:
    """One per provider. ``closing`` is set when it ends; ``slow_seconds`` is how long ``tok_slow`` takes."""

    def __init__(self, records: PaymentRecords, *, notify: Notify, slow_seconds: float) -> None:
        self.records = records
        self.notify = notify
        self.slow_seconds = slow_seconds
        self.closing = threading.Event()
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def exclusive(self, account: str, name: str) -> Iterator[None]:
        """Let one caller at a time work on a thing; a line nobody stands in is forgotten."""
        line = f"{account}/{name}"
        with self._guard:
            lock = self._locks.setdefault(line, threading.Lock())
            self._waiting[line] += 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                self._waiting[line] -= 1
                if not self._waiting[line]:
                    del self._locks[line], self._waiting[line]

    def lose_first_response(self, account: str, name: str) -> None:
        """Lose the answer of the first call of this name, and of no other.

        Raises:
            ResponseLost: It is the first.
        """
        if self.records.count_call(account, f"lost {name}") == 1:
            raise ResponseLost

    def fail_first(self, account: str, name: str, *, times: int) -> None:
        """Fail the first calls of this name.

        Raises:
            ProviderError: It is one of them.
        """
        if self.records.count_call(account, f"failing {name}") <= times:
            raise ProviderError
