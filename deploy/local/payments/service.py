"""The parts that all routes of the provider share: records, locks, webhooks and planned failures."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from deploy.local.payments.store import PaymentRecords


class ProviderError(Exception):
    """Raised when the provider fails; nothing was recorded."""


class ResponseLost(Exception):  # noqa: N818 - named for what happened
    """Raised when the request was processed, but the response is lost."""


class Refusal(Exception):  # noqa: N818 - named for what happened
    """Raised for a refused request; ``code`` is in the response."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class Notify(Protocol):
    """Signature of a function that reports a change to an account's shop."""

    def __call__(self, account: str, event_type: str, data: Any) -> None:
        """Queue a webhook and return immediately."""


class ProviderContext:
    """The shared parts of a provider. ``closing`` is set when it ends; ``slow_seconds`` delays ``tok_slow``."""

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
        """Run the block exclusively for one name of an account."""
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
        """Lose the response of the first call of this name.

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
