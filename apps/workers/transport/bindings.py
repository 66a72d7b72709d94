"""The queues that a worker polls, with their credentials, refreshed by threads and read by the event loop.

The loop only reads: the registry's database and STS are asked here, off the loop, so neither can hold it up.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from apps.core.forking import NO_FORK
from resale.domain.tenants import Queue, Tenant

logger = logging.getLogger(__name__)

Purpose = Literal["orders", "images"]

REFRESH_SECONDS: Final = 5.0  # a new tenant is polled, and a suspended one is not, within 10 s
_SIGN_SECONDS: Final = 60.0  # below this the session itself asks STS
_PREPARING_THREADS: Final = 4  # one tenant's stalled STS leaves room for the others


class QueueSession(Protocol):
    """A session in one tenant's account (``resale.adapters.aws.sessions.TenantSession``)."""

    def client(self, service: str) -> Any:
        """Return the cached botocore client; the first call may call STS."""

    def credentials(self) -> Any:
        """Return valid credentials; calls STS if the present ones have expired."""

    def remaining_seconds(self) -> float:
        """Return how long the present credentials are valid; 0 if there are none. Never blocks."""

    def expire(self) -> None:
        """Mark the credentials as expired, so that the next call fetches new ones, at most once in 10 s."""


TenantSource = Callable[[], Iterable[Tenant]]
SessionSource = Callable[[Tenant], QueueSession]


@dataclass(eq=False)
class Binding:
    """The queue of one tenant, ready to be polled."""

    tenant: Tenant
    purpose: Purpose
    queue: Queue
    session: QueueSession
    client: Any
    renewing: threading.Event = field(default_factory=threading.Event)

    @property
    def may_sign(self) -> bool:
        """Whether signing finds credentials without a call to STS, which would block the loop."""
        return not self.renewing.is_set() and self.session.remaining_seconds() >= _SIGN_SECONDS


def queue_of(tenant: Tenant, purpose: Purpose) -> Queue:
    """Return the tenant's queue of a purpose."""
    queues = tenant.resources.queues
    return queues.orders if purpose == "orders" else queues.images


class Bindings:
    """The queues of one purpose by name. ``current`` never blocks."""

    def __init__(
        self,
        purpose: Purpose,
        *,
        tenants: TenantSource,
        session_for: SessionSource,
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        """Store the sources of tenants and sessions; nothing starts before ``start``."""
        self.purpose: Final = purpose
        self._tenants = tenants
        self._session_for = session_for
        self._refresh_seconds = refresh_seconds
        self._current: dict[str, Binding] = {}
        self._preparing: dict[str, Tenant] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Start to refresh, in daemon threads of this process."""
        self._threads = ThreadPoolExecutor(_PREPARING_THREADS, thread_name_prefix="bindings")
        threading.Thread(target=self._refresh_for_ever, name="bindings-refresh", daemon=True).start()

    def stop(self) -> None:
        """Stop the threads, without waiting for one that waits for the network."""
        self._stopping.set()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def current(self) -> Mapping[str, Binding]:
        """Return the queues that can be polled now, by name."""
        with self._lock:
            return dict(self._current)

    def renew(self, binding: Binding, *, refused: bool) -> None:
        """Fetch the credentials of a session in a thread; new ones also if the present were refused."""
        if self._threads is None or self._stopping.is_set() or binding.renewing.is_set():
            return
        binding.renewing.set()
        self._threads.submit(_renew, binding, refused=refused)

    def _refresh_for_ever(self) -> None:
        while True:
            try:
                with NO_FORK:
                    tenants = list(self._tenants())
                self._apply({queue_of(tenant, self.purpose).name: tenant for tenant in tenants})
            except Exception:  # the registry is down beyond what it serves stale: keep what is known
                logger.exception("tenants could not be read")
            if self._stopping.wait(self._refresh_seconds):
                return

    def _apply(self, wanted: Mapping[str, Tenant]) -> None:
        with self._lock:
            kept = {name: known for name, known in self._current.items() if known.tenant == wanted.get(name)}
            missing = {
                name: tenant for name, tenant in wanted.items() if name not in kept and name not in self._preparing
            }
            self._current = kept
            self._preparing.update(missing)
        for name, tenant in missing.items():
            self._prepare_soon(name, tenant)

    def _prepare_soon(self, name: str, tenant: Tenant) -> None:
        def on_prepared(future: Future[Binding]) -> None:
            with self._lock:
                self._preparing.pop(name, None)
                if not future.cancelled() and future.exception() is None:
                    self._current[name] = future.result()
            if not future.cancelled() and (error := future.exception()) is not None:
                logger.error("queue %s cannot be polled yet: %r", name, error)

        if self._threads is not None and not self._stopping.is_set():
            self._threads.submit(self._prepare, tenant).add_done_callback(on_prepared)

    def _prepare(self, tenant: Tenant) -> Binding:
        session = self._session_for(tenant)
        session.credentials()  # fetched here, so that signing in the loop finds them fresh
        return Binding(tenant, self.purpose, queue_of(tenant, self.purpose), session, session.client("sqs"))


def _renew(binding: Binding, *, refused: bool) -> None:
    try:
        if refused:
            binding.session.expire()
        binding.session.credentials()
    except Exception as error:  # noqa: BLE001 - whatever it is, it stays this queue's; the next refusal asks again
        logger.error("session for queue %s not renewed: %r", binding.queue.name, error)  # noqa: TRY400 - one line is enough
    finally:
        binding.renewing.clear()
