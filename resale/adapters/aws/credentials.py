"""Credentials of an assumed role. A slow or failing STS delays only callers of that tenant, and briefly."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from botocore.credentials import Credentials, ReadOnlyCredentials

from resale.adapters.faults import SessionUnavailable
from resale.errors import Unavailable

#: Below this a caller waits for new ones; the daemon thread has long fetched them by then.
MANDATORY_SECONDS: Final = 60
_WAIT_SECONDS: Final = 1.0  # how long a caller waits for another caller's fetch
_FAILURE_SECONDS: Final = 5.0  # how long a failed fetch answers for the ones after it
_EXPIRE_SECONDS: Final = 10.0  # a refused token is replaced at most this often
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Lease(NamedTuple):
    """Credentials and their expiry, aware UTC."""

    frozen: ReadOnlyCredentials
    expires_at: datetime


def wall_clock() -> datetime:
    """Return the current time of the wall clock, which token expiry uses."""
    return datetime.now(UTC)


class RoleCredentials(Credentials):
    """The credentials of all clients of a tenant; botocore reads them for each request.

    botocore's own RefreshableCredentials would do but for three things: these can be expired by whoever sees them
    refused; a failed fetch is not repeated by each caller in turn; and nobody waits longer than 1 s for another
    caller's fetch. A lease is replaced whole, so reading it needs no lock.
    """

    def __init__(self, fetch: Callable[[], Lease]) -> None:
        super().__init__("", "", method="assume-role")
        self._fetch = fetch
        self._lease: Lease | None = None
        self._failure: tuple[float, Unavailable] | None = None
        self._expired_at: float | None = None
        self._fetching = threading.Lock()
        self._expiring = threading.Lock()

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return credentials that are valid for at least a minute.

        Raises:
            Unavailable: STS refused or did not respond, now or within the last 5 s.
        """
        return self.ensure(MANDATORY_SECONDS).frozen

    def get_deferred_property(self, property_name: str) -> Callable[[], Any]:
        """Return a function that reads one property later (the account id, for account-based endpoints)."""
        return lambda: getattr(self.get_frozen_credentials(), property_name)

    def remaining_seconds(self) -> float:
        """Return how long the credentials are valid; 0 before the first fetch."""
        lease = self._lease
        return 0.0 if lease is None else (lease.expires_at - wall_clock()).total_seconds()

    def ensure(self, seconds: float) -> Lease:
        """Return a lease that is valid for ``seconds``, or the newest one; fetch new credentials if needed.

        Raises:
            Unavailable: STS refused or did not respond, now or within the last 5 s.
        """
        lease = self._lease
        if lease is not None and _is_good(lease, seconds):
            return lease
        if not self._fetching.acquire(timeout=_WAIT_SECONDS):
            raise SessionUnavailable("The session of the tenant's account is being renewed.", retry_after_seconds=2)
        try:
            lease = self._lease
            if lease is None or not _is_good(lease, seconds):
                lease = self._lease = self._renew()
            return lease
        finally:
            self._fetching.release()

    def expire(self) -> None:
        """Mark the credentials as refused, so that the next call fetches new ones, at most once in 10 s."""
        with self._expiring:
            now, last = time.monotonic(), self._expired_at
            if self._lease is None or (last is not None and now - last < _EXPIRE_SECONDS):
                return
            self._expired_at = now
            self._lease = self._lease._replace(expires_at=_LONG_AGO)

    def _renew(self) -> Lease:
        if self._failure is not None and time.monotonic() - self._failure[0] < _FAILURE_SECONDS:
            raise self._failure[1].with_traceback(None)
        try:
            lease = self._fetch()
        except Unavailable as failure:
            self._failure = (time.monotonic(), failure)
            raise
        self._failure = None
        # Nobody should read these three apart from each other; tools that do find them.
        self.access_key = lease.frozen.access_key or ""
        self.secret_key = lease.frozen.secret_key or ""
        self.token = lease.frozen.token
        return lease


def _is_good(lease: Lease, seconds: float) -> bool:
    return (lease.expires_at - wall_clock()).total_seconds() >= seconds
