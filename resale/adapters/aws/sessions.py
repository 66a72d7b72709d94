"""A session for each tenant account in a bounded cache, refreshed in the background before it expires."""

import logging
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar, cast

from botocore.client import BaseClient
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

from resale.adapters.aws.clients import ClientFactory, TenantClients
from resale.adapters.aws.credentials import MANDATORY_SECONDS, RoleCredentials, wall_clock
from resale.adapters.aws.roles import RoleAssumer
from resale.adapters.dynamodb.client import CountUnits, DynamoDB
from resale.adapters.dynamodb.http_connections import ConnectionPool
from resale.adapters.faults import SessionUnavailable
from resale.domain.ids import TenantId
from resale.domain.tenants import Tenant
from resale.domain.usage import Meter, RecordUsage
from resale.errors import Unavailable
from resale.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_TICK_SECONDS: Final = 30.0
#: The thread renews a session a third before its end: 20 minutes of 3600 s, beyond the 15 minutes of an upload form.
_RENEW_SHARE: Final = 1 / 3
#: Credentials that signed nothing for so long are not proven: nobody holds a form of theirs that is still good.
_SIGNING_SECONDS: Final = 3600.0
_ABSENT_KEY: Final = "originals/-"  # the role may read and list there, so it is 404 and not 403
_REFUSED_STATUSES: Final = frozenset({400, 401, 403})  # 400 is S3's ExpiredToken
#: DynamoDB answers in milliseconds: a stalled connection is dropped soon and the call repeated.
_LANE_READ_SECONDS: Final = 1.5


class TenantSession:
    """The session of one tenant account, shared by threads. Build it with :class:`TenantSessions`."""

    def __init__(
        self, tenant: Tenant, *, credentials: RoleCredentials, parts: "_Parts", clients: TenantClients | None = None
    ) -> None:
        self.tenant = tenant
        self.used_at = time.monotonic()  # when a caller last asked for this session
        self._signed_at: float | None = None  # when credentials were last given to sign what somebody else sends
        self._proven_at = 0.0
        self._credentials = credentials
        self._parts = parts
        self._clients = clients or parts.clients.for_tenant(tenant, credentials)
        self._dynamodb: DynamoDB | None = None
        self._shared: dict[type, object] = {}

    @property
    def dynamodb(self) -> DynamoDB:
        """The data lane to the tenant's tables."""
        lane = self._dynamodb
        if lane is None:
            pool = self._parts.pool_of(self)
            lane = self._dynamodb = DynamoDB(
                pool, region=self.tenant.region, credentials=self, count_units=self._parts.unit_counter(self.tenant.id)
            )
        return lane

    def credentials(self) -> ReadOnlyCredentials:
        """Return credentials that are valid for at least a minute; does not block while they are fresh.

        Raises:
            Unavailable: There are none: STS refused or did not respond, or the role lies in another account.
        """
        return self._credentials.get_frozen_credentials()

    def credentials_for(self, seconds: float) -> ReadOnlyCredentials:
        """Return credentials that are valid for ``seconds``, fetching new ones if needed.

        Raises:
            Unavailable: There are none that live so long.
        """
        lease = self._credentials.ensure(seconds)
        if (lease.expires_at - wall_clock()).total_seconds() < seconds:
            raise SessionUnavailable(
                f"The role of tenant {self.tenant.slug} issues sessions that are too short.", retry_after_seconds=60
            )
        self._signed_at = time.monotonic()
        return lease.frozen

    def expires_at(self) -> datetime:
        """Return when the credentials expire, fetching the first ones if needed."""
        return self._credentials.ensure(MANDATORY_SECONDS).expires_at

    def expire(self) -> None:
        """Mark the credentials as refused, so that the next call fetches new ones, at most once in 10 s."""
        self._credentials.expire()

    def client(self, service: str, *, read_timeout_seconds: float | None = None) -> BaseClient:
        """Return the botocore client of a service in the tenant's region, created once.

        Args:
            service: botocore's name of it.
            read_timeout_seconds: For long polls; else the settings'.
        """
        return self._clients.get(
            service, read_timeout_seconds=read_timeout_seconds or self._parts.settings.read_timeout_seconds
        )

    def get_shared(self, kind: type[T], build: "Callable[[TenantSession], T]") -> T:
        """Return the object of a kind that lives as long as this session, building it at first use."""
        known = self._shared.get(kind)
        if known is None:  # two threads may build at once; one of the two then serves nobody again
            known = self._shared[kind] = build(self)
        return cast("T", known)

    def renew(self, *, before_seconds: float) -> None:
        """Fetch new credentials if these expire within ``before_seconds``. For the refresh thread."""
        self._credentials.ensure(before_seconds)

    def prove(self, *, every_seconds: float) -> None:
        """Replace credentials that S3 refuses, if forms or links are signed with them. For the refresh thread.

        A browser sends what was signed, so no response tells this process that the session was revoked, or that a
        local engine forgot it. One HEAD of an object that does not exist is answered with 404 while they are good.
        """
        now = time.monotonic()
        is_signing = self._signed_at is not None and now - self._signed_at < _SIGNING_SECONDS
        if not is_signing or now - self._proven_at < every_seconds:
            return
        client = cast("S3Client", self.client("s3"))
        try:
            client.head_object(Bucket=self.tenant.resources.media_bucket, Key=_ABSENT_KEY)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in _REFUSED_STATUSES:
                _LOG.warning("session of tenant %s was refused; requesting a new one", self.tenant.slug)
                self.expire()
        self._proven_at = now

    def remaining_seconds(self) -> float:
        """Return how long the credentials are valid; 0 before the first fetch."""
        return self._credentials.remaining_seconds()

    def close(self) -> None:
        """Close the connections of the clients."""
        self._clients.close()

    def follows(self, tenant: Tenant) -> bool:
        """Return whether the credentials of this session are also valid for a newer record of the tenant."""
        return _identity(self.tenant) == _identity(tenant)

    def with_tenant(self, tenant: Tenant) -> "TenantSession":
        """Return a session with the same credentials and clients for a newer record of the tenant."""
        return TenantSession(tenant, credentials=self._credentials, parts=self._parts, clients=self._clients)


class _Parts:
    """The parts that all sessions of a process share."""

    def __init__(self, settings: Settings, record_usage: RecordUsage | None) -> None:
        self.settings = settings
        self.clients = ClientFactory(settings, record_usage=record_usage)
        self._record_usage = record_usage
        self._roles: RoleAssumer | None = None
        self._lock = threading.Lock()
        self._pools: dict[str, ConnectionPool] = {}
        self._regional_endpoints: dict[str, str] = {}

    def credentials_of(self, tenant: Tenant) -> RoleCredentials:
        # Building the STS client takes a while and no network: here, not while callers wait for their session.
        roles = self._role_assumer()
        return RoleCredentials(lambda: roles.assume(tenant))

    def pool_of(self, session: TenantSession) -> ConnectionPool:
        """Return the connection pool of the tenant's endpoint, shared by all tenants of a region."""
        url = self._dynamodb_url(session)
        with self._lock:
            pool = self._pools.get(url)
            if pool is None:
                pool = self._pools[url] = ConnectionPool(
                    url,
                    connect_timeout_seconds=self.settings.connect_timeout_seconds,
                    read_timeout_seconds=min(self.settings.read_timeout_seconds, _LANE_READ_SECONDS),
                )
        return pool

    def unit_counter(self, tenant_id: TenantId) -> CountUnits | None:
        """Return what counts the units of a tenant's calls; None if nobody does."""
        record = self._record_usage
        if record is None:
            return None

        def count(read: float, write: float) -> None:
            if read:
                record(tenant_id, Meter.READ_UNITS, read)
            if write:
                record(tenant_id, Meter.WRITE_UNITS, write)

        return count

    def close(self) -> None:
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            if self._roles is not None:
                self._roles.close()

    def _dynamodb_url(self, session: TenantSession) -> str:
        tenant = session.tenant
        local = self.settings.dynamodb_endpoint(tenant.account_id, tenant.region)
        if local is not None:
            return local
        known = self._regional_endpoints.get(tenant.region)
        if known is None:  # asked of a client, so that the SDK's own endpoint settings hold here, too
            known = session.client("dynamodb").meta.endpoint_url
            self._regional_endpoints[tenant.region] = known
        return known

    def _role_assumer(self) -> RoleAssumer:
        with self._lock:
            if self._roles is None:
                self._roles = RoleAssumer(self.settings)
            return self._roles


class TenantSessions:
    """The sessions of a process, one for each tenant.

    A session that nobody asked for within ``session_idle_seconds`` is dropped, so memory follows the tenants in use.
    ``session_cache_count`` is a second bound. It must exceed the tenants that one process serves within that time,
    because each visit to a tenant beyond it costs an AssumeRole and new clients. A dropped session is still renewed
    while somebody, such as a worker that polls its queue, holds it.
    """

    def __init__(
        self, settings: Settings, *, record_usage: RecordUsage | None = None, tick_seconds: float = _TICK_SECONDS
    ) -> None:
        """Store the settings. ``record_usage`` is told what the calls of a tenant consume; None: nobody is."""
        self._settings = settings
        self._record_usage = record_usage
        self._tick_seconds = min(tick_seconds, settings.session_proof_seconds)
        self._renew_before_seconds = max(settings.session_seconds * _RENEW_SHARE, 2 * MANDATORY_SECONDS)
        self._thread: threading.Thread | None = None
        self._begin()
        # In a fork's child, locks may be held by threads that are not there, and sockets are the parent's.
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: _call_if_alive(begin))

    def for_tenant(self, tenant: Tenant) -> TenantSession:
        """Return the tenant's session. No call to AWS is made yet."""
        with self._lock:
            session = self._sessions.get(tenant.id)
            if session is None or session.tenant is not tenant:
                session = self._sessions[tenant.id] = self._renew(session, tenant)
                self._in_use.add(session)
            session.used_at = time.monotonic()
            self._sessions.move_to_end(tenant.id)
            while len(self._sessions) > self._settings.session_cache_count:
                self._sessions.popitem(last=False)
            if self._thread is None:
                self._start_thread()
        return session

    def close(self) -> None:
        """Stop the refresh thread and close idle connections. The sessions cannot be used afterwards."""
        self._closing.set()
        with self._lock:
            thread, self._thread = self._thread, None
            sessions = list(self._sessions.values())
            self._sessions.clear()
        if thread is not None:
            thread.join(timeout=self._tick_seconds)
        for session in sessions:
            session.close()
        self._parts.close()

    def _begin(self) -> None:
        self._parts = _Parts(self._settings, self._record_usage)
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, TenantSession] = OrderedDict()
        self._in_use: weakref.WeakSet[TenantSession] = weakref.WeakSet()  # cached, or held by somebody
        self._closing = threading.Event()
        self._thread = None

    def _renew(self, known: TenantSession | None, tenant: Tenant) -> TenantSession:
        if known is None or not known.follows(tenant):
            return TenantSession(tenant, credentials=self._parts.credentials_of(tenant), parts=self._parts)
        if known.tenant == tenant:
            known.tenant = tenant  # the same record, read again: the next look is by identity
            return known
        return known.with_tenant(tenant)

    def _start_thread(self) -> None:
        self._thread = threading.Thread(
            target=self._keep_fresh, args=(self._closing,), name="tenant-sessions", daemon=True
        )
        self._thread.start()

    def _keep_fresh(self, closing: threading.Event) -> None:
        while not closing.wait(self._tick_seconds):
            for session in self._sessions_in_use():
                if closing.is_set():
                    return
                self._refresh(session)
                self._prove(session)

    def _sessions_in_use(self) -> list[TenantSession]:
        """Remove idle sessions from the cache; return the remaining ones and those in use elsewhere."""
        oldest_use = time.monotonic() - self._settings.session_idle_seconds
        with self._lock:
            while self._sessions and next(iter(self._sessions.values())).used_at < oldest_use:
                self._sessions.popitem(last=False)
            return list(self._in_use)

    def _prove(self, session: TenantSession) -> None:
        try:
            session.prove(every_seconds=self._settings.session_proof_seconds)
        except (BotoCoreError, Unavailable) as failure:
            _LOG.info("session of tenant %s not verified: %s", session.tenant.slug, failure)
        except Exception:  # noqa: BLE001 - as in _refresh
            _LOG.exception("session of tenant %s not verified", session.tenant.slug)

    def _refresh(self, session: TenantSession) -> None:
        """Renew a session in use; a failure is logged and retried at the next tick."""
        if not 0 < session.remaining_seconds() < self._renew_before_seconds:
            return
        try:
            session.renew(before_seconds=self._renew_before_seconds)
        except Unavailable as failure:
            _LOG.warning("session of tenant %s not renewed: %s", session.tenant.slug, failure.detail)
        except Exception:  # noqa: BLE001 - the thread serves every tenant: whatever one does must not end it
            _LOG.exception("session of tenant %s not renewed", session.tenant.slug)


def _call_if_alive(method: "weakref.WeakMethod[Callable[[], None]]") -> None:
    call = method()
    if call is not None:
        call()


def _identity(tenant: Tenant) -> tuple[str, str, str, str, str]:
    """Return the fields that a session of an assumed role depends on."""
    role = tenant.resources.access_role_arn
    return tenant.account_id, tenant.region, tenant.slug, tenant.external_id, role
