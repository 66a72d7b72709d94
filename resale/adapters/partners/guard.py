"""The guard around every call to a partner: circuit breaker, concurrency, rate, and the breaker again."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from resale.adapters.partners.breaker import Breaker, Clock
from resale.adapters.partners.rates import CallRate, RateRecord
from resale.adapters.partners.rules import GuardRules
from resale.adapters.partners.shared_files import SharedRecord, free_lock, take_lock
from resale.application.ports import ConnectionStates
from resale.domain.connections import ConnectionState, Observation, is_news
from resale.domain.partners import Connection, PartnerNotReady, PartnerPaused, PartnerUnavailable
from resale.errors import Conflict, NotFound, Outcome, Rejected

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_BUSY_SECONDS: Final = 1
_PAGE: Final = 100  # rows of a provider's ledger that one guarded call fetches: the providers' own page size


class Guard:
    """Limits the calls to one connection of one tenant. Threads share a guard, processes share its folder.

    A fault of the guard itself (its folder cannot be used) never fails a call: it is logged and the call is made.
    """

    def __init__(
        self, connection: Connection, *, folder: Path, states: ConnectionStates, rules: GuardRules, clock: Clock
    ) -> None:
        self._connection = connection
        self._states = states
        self._rules = rules
        self._places = tuple(folder / f"place-{number}" for number in range(connection.concurrent_calls))
        self._rate = CallRate(SharedRecord(folder / "rate", RateRecord), calls_per_second=connection.calls_per_second)
        self._breaker = Breaker(folder, rules=rules, clock=clock)
        self._sync_after = 0.0

    def call(self, request: Callable[[], T]) -> T:
        """Call the partner if the limits and the breaker permit it.

        Returns:
            What ``request`` returns.

        Raises:
            PartnerPaused: No place or turn in time, or the breaker is open; the partner was not called.
            Outcome: What ``request`` raises. PartnerUnavailable counts as a failure; a decline is a response, and so is
                PartnerNotReady: one party's trouble never pauses the calls of all others.
        """
        self._sync()
        changes: list[Observation] = []
        try:
            with self._admit():
                return self._observe(request, changes)
        finally:
            for seen in changes:
                self._report(seen)

    def walk(self, request: Callable[[], Iterator[T]]) -> Iterator[T]:
        """Iterate over the pages of a partner's response; each page is one call."""
        rows = _defer(request)
        full = True
        while full:
            page = self.call(lambda: tuple(islice(rows, _PAGE)))
            full = len(page) == _PAGE
            yield from page

    @contextmanager
    def _admit(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                self._enter(held)
            except OSError:
                self._log_fault("partner called unguarded")
            yield

    def _enter(self, held: ExitStack) -> None:
        deadline = time.monotonic() + self._rules.wait_seconds
        self._breaker.refuse_if_open()
        place = take_lock(self._places, wait_seconds=self._rules.wait_seconds)
        if place is None:
            raise PartnerPaused("Too many calls to this partner at once.", retry_after_seconds=_BUSY_SECONDS)
        held.callback(free_lock, place)
        if not self._rate.take(wait_seconds=deadline - time.monotonic()):
            raise PartnerPaused("Too many calls to this partner a second.", retry_after_seconds=_BUSY_SECONDS)
        held.enter_context(self._breaker.admit())

    def _observe(self, request: Callable[[], T], changes: list[Observation]) -> T:
        try:
            response = request()
        except (PartnerNotReady, NotFound, Rejected, Conflict):  # responses, about one object each
            self._note(None, changes)
            raise
        except PartnerUnavailable as failure:
            self._note(failure, changes)
            raise
        self._note(None, changes)
        return response

    def _note(self, failure: PartnerUnavailable | None, changes: list[Observation]) -> None:
        try:
            seen = self._breaker.note(failure)
        except OSError:
            self._log_fault("outcome of a call to a partner not counted")
            return
        if seen is not None:
            changes.append(seen)

    # ------------------------------------------------------------ with other workers
    def _sync(self) -> None:
        """Compare the breaker with the recorded state, at most once in ``agree_seconds``; the newer one wins."""
        now = time.monotonic()
        if now < self._sync_after:
            return
        self._sync_after = now + self._rules.agree_seconds
        try:
            known = self._states.find(self._connection.id)
        except Exception as error:  # noqa: BLE001 - whatever the fault, the call is made
            self._log_unshared("state of a connection not read", error)
            return
        try:
            self._settle(known)
        except OSError:
            self._log_fault("state of a connection not compared")

    def _settle(self, known: ConnectionState | None) -> None:
        mine = self._breaker.observe()
        recorded = None if known is None else known.observation
        if is_news(mine, recorded):
            self._report(mine)
        elif recorded is not None and is_news(recorded, mine):
            self._breaker.adopt(recorded)

    def _report(self, seen: Observation) -> None:
        try:
            self._states.report(self._connection, seen)
        except Exception as error:  # noqa: BLE001 - the call it reports has ended
            self._log_unshared("state of a connection not recorded", error)

    def _log_unshared(self, what: str, error: Exception) -> None:
        code = error.code if isinstance(error, Outcome) else type(error).__name__
        _LOG.warning("%s: %s", what, code, extra={"connection": self._connection.id, "code": code})

    def _log_fault(self, what: str) -> None:
        _LOG.exception("%s: guard_unusable", what, extra={"connection": self._connection.id, "code": "guard_unusable"})


def _defer(request: Callable[[], Iterator[T]]) -> Iterator[T]:
    yield from request()
