"""The cached registry of a process: at most 30 s old, or up to an hour while its database is down.

So a revoked key or a suspended tenant is refused everywhere within 30 s, and a new key works within 5 s. A tenant with
a standby is served for 60 s at most without the database, so that no process writes in a Region that it has left.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.db.models import QuerySet

from apps.tenancy import models
from apps.tenancy.cache import Limits, ReadThroughCache, Source, SourceDown
from apps.tenancy.errors import RegistryUnavailable, TenantFrozen, TenantNotFound
from apps.tenancy.features import features_of_row, load_releases
from apps.tenancy.serving import is_polled_here, is_served_here
from resale.domain.entitlements import Tier, limits_of
from resale.domain.features import Release
from resale.domain.ids import CONNECTION_ID, ConnectionId, TenantId
from resale.domain.partners import Connection, ConnectionNotFound
from resale.domain.policies import Policies
from resale.domain.price_rules import PriceRules
from resale.domain.tenants import SERVED, WRITE_LEASE, Resources, Standby, Tenant, TenantStatus

logger = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")
#: The newest epoch that this process has seen of each tenant that moved. An older row is a stale replica's.
_epochs: dict[str, int] = {}

_RETRY_AFTER_SECONDS: Final = 5
_TENANTS: Final = Limits(max_entries=2_000, max_absent=2_000)
_ACTIVE: Final = Limits(fresh_seconds=4.0)  # workers look every 5 s and take up or drop a tenant within 10 s


class DatabaseDown(Exception):  # noqa: N818 - it says what is the case
    """Raised by loaders when the database does not respond, so that the cache can tell it from other failures."""


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key and its tenant. ``tenant`` is None if it cannot be served because its resource map is not valid.

    ``sandbox``: the key was made for a sandbox (``pk_test_``, ``sk_test_``), whatever its tenant is by now.
    """

    id: str
    sandbox: bool
    kind: models.KeyKind
    scopes: frozenset[str]
    revoked: bool
    tenant: Tenant | None


class KnownOperatorKey(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's API key."""

    id: str
    scopes: frozenset[str]
    revoked: bool


class Registry:
    """Tenants, keys and connections behind caches. One instance a process; tests create their own with a clock."""

    def __init__(self, source: Source | None = None) -> None:
        self._source = shared = source or Source()
        self._by_id = ReadThroughCache(
            _load_by_id, source=shared, down=DatabaseDown, limits=_TENANTS, stale_seconds_of=_stale_seconds
        )
        self._by_slug = ReadThroughCache(
            _load_by_slug, source=shared, down=DatabaseDown, limits=_TENANTS, stale_seconds_of=_stale_seconds
        )
        self._by_connection = ReadThroughCache(
            _load_connection,
            source=shared,
            down=DatabaseDown,
            limits=_TENANTS,
            stale_seconds_of=lambda found: _stale_seconds(found[0]),
        )
        self._by_hash = ReadThroughCache(
            _load_key, source=shared, down=DatabaseDown, stale_seconds_of=lambda known: _stale_seconds(known.tenant)
        )
        self._by_operator_hash = ReadThroughCache(_load_operator_key, source=shared, down=DatabaseDown)
        self._served = ReadThroughCache(_load_served, source=shared, down=DatabaseDown, limits=_ACTIVE)

    def by_id(self, tenant_id: str) -> Tenant:
        """Return a tenant. Raises TenantNotFound or RegistryUnavailable."""
        return self._require(self._by_id, TenantId(tenant_id))

    def by_slug(self, slug: str) -> Tenant:
        """Return a tenant. Raises TenantNotFound or RegistryUnavailable."""
        return self._require(self._by_slug, slug)

    def by_api_key_hash(self, key_hash: str) -> KnownKey | None:
        """Return the key with this SHA-256 (hexadecimal); None if there is none. Raises RegistryUnavailable."""
        return self._get_cached(self._by_hash, key_hash)

    def by_operator_key_hash(self, key_hash: str) -> KnownOperatorKey | None:
        """Return the operator's key with this SHA-256 in hexadecimal, or None. Raises RegistryUnavailable."""
        return self._get_cached(self._by_operator_hash, key_hash)

    def by_connection(self, connection_id: str) -> tuple[Tenant, Connection]:
        """Return a connection and its tenant. Raises ConnectionNotFound, TenantFrozen or RegistryUnavailable."""
        found = self._get_cached(self._by_connection, connection_id) if CONNECTION_ID.matches(connection_id) else None
        if found is None:
            raise ConnectionNotFound("This shop has no connection with this id.")
        if found[0].status == TenantStatus.FROZEN:  # 503, so that the partner repeats the event
            raise TenantFrozen
        return found

    def active_tenants(self) -> tuple[Tenant, ...]:
        """List the active tenants of this process by slug. Raises RegistryUnavailable."""
        return tuple(tenant for tenant in self.served_tenants() if tenant.status == TenantStatus.ACTIVE)

    def served_tenants(self) -> tuple[Tenant, ...]:
        """List the tenants of this process whose orders continue: active ones, and suspended, which accept nothing new.

        Raises:
            RegistryUnavailable: Its database is down for longer than it is served stale.
        """
        tenants = self._get_cached(self._served, None) or ()
        age_seconds = self._served.age_seconds(None)
        return tuple(one for one in tenants if is_served_here(one) and age_seconds <= _stale_seconds(one))

    def polled_tenants(self) -> tuple[Tenant, ...]:
        """List the tenants of ``served_tenants`` whose queues this process polls. Raises RegistryUnavailable."""
        return tuple(tenant for tenant in self.served_tenants() if is_polled_here(tenant))

    def listed_tenants(self) -> tuple[Tenant, ...]:
        """List the tenants of ``served_tenants`` and those with processes of their own, for commands and reports.

        Raises:
            RegistryUnavailable: Its database is down for longer than it is served stale.
        """
        tenants = self._get_cached(self._served, None) or ()
        return tuple(tenant for tenant in tenants if settings.SERVED_TENANTS.lists(tenant.slug))

    def state(self) -> str:
        """Return ``ok``, ``stale`` (its database is down, cached rows are served) or ``down``."""
        if self._responds():
            return "ok"
        return "stale" if any(cache.has_values() for cache in self._caches) else "down"

    def forget_key(self, key_hash: str) -> None:
        """Forget a key that was changed in this process."""
        self._by_hash.forget(key_hash)
        self._by_operator_hash.forget(key_hash)

    def clear(self) -> None:
        """Forget all cached rows, and that the database is down."""
        for cache in self._caches:
            cache.clear()
        self._source.record_success()

    @property
    def _caches(self) -> tuple[ReadThroughCache[Any, Any], ...]:
        by_name = (self._by_id, self._by_slug, self._by_connection)
        return (*by_name, self._by_hash, self._by_operator_hash, self._served)

    def _responds(self) -> bool:
        """Return whether the database responds; while it is down, one thread in a few seconds tries."""
        if not self._source.is_call_due():
            return False
        try:
            _run_query(_select_one)
        except DatabaseDown:
            self._source.record_failure()
            return False
        self._source.record_success()
        return True

    def _require(self, cache: ReadThroughCache[K, Tenant], key: K) -> Tenant:
        tenant = self._get_cached(cache, key)
        if tenant is None:
            raise TenantNotFound("No tenant with this name exists.")
        return tenant

    def _get_cached(self, cache: ReadThroughCache[K, V], key: K) -> V | None:
        try:
            return cache.get(key)
        except SourceDown:
            raise RegistryUnavailable(retry_after_seconds=_RETRY_AFTER_SECONDS) from None


def run_query(load: Callable[[], V]) -> V:
    """Use the registry's database on this thread, outside the caches. Raises RegistryUnavailable."""
    try:
        return _run_query(load)
    except DatabaseDown as down:
        raise RegistryUnavailable(retry_after_seconds=_RETRY_AFTER_SECONDS) from down


def to_tenant(row: models.Tenant, releases: Mapping[str, Release] | None = None) -> Tenant:
    """Convert a row into a tenant of the domain.

    Args:
        row: With its connections.
        releases: How far features are released; None: they are read.

    Raises:
        msgspec.ValidationError: Its resource map is none or incomplete, or a policy, limit, choice or connection is
            none.
    """
    return Tenant(
        id=TenantId(row.id),
        slug=row.slug,
        name=row.name,
        account_id=row.account_id,
        region=row.region,
        tier=row.tier,
        own_processes=row.own_processes,
        standby=msgspec.convert(row.standby, Standby) if row.standby else None,
        write_epoch=row.write_epoch,
        status=TenantStatus(row.status),
        sandbox=row.sandbox,
        currency=row.currency,
        market=row.market,
        locale=row.locale,
        commission_basis_points=row.commission_basis_points,
        oidc_issuer=row.oidc_issuer,
        oidc_audience=row.oidc_audience,
        allowed_origins=tuple(row.allowed_origins),
        external_id=row.external_id,
        resources=msgspec.convert(row.resources, Resources),
        policies=msgspec.convert(row.policies, Policies),
        price_rules=msgspec.convert(row.price_rules, PriceRules),
        limits=limits_of(Tier(row.tier), row.limits),
        features=features_of_row(row, load_releases() if releases is None else releases),
        connections=tuple(connection.as_struct() for connection in row.connections.all()),
    )


# ---------------------------------------------------------------- what the caches load
def _load_by_id(tenant_id: TenantId) -> Tenant | None:
    return _run_query(lambda: _servable(_tenants().filter(id=tenant_id).first()))


def _load_by_slug(slug: str) -> Tenant | None:
    return _run_query(lambda: _servable(_tenants().filter(slug=slug).first()))


def _load_key(key_hash: str) -> KnownKey | None:
    rows = models.APIKey.objects.select_related("tenant").prefetch_related("tenant__connections")
    return _run_query(lambda: _known_key(rows.filter(hash=key_hash).first()))


def _load_operator_key(key_hash: str) -> KnownOperatorKey | None:
    rows = models.OperatorKey.objects.filter(hash=key_hash)
    return _run_query(lambda: next(map(_known_operator_key, rows), None))


def _load_connection(connection_id: ConnectionId) -> tuple[Tenant, Connection] | None:
    rows = models.Connection.objects.select_related("tenant").prefetch_related("tenant__connections")
    return _run_query(lambda: _known_connection(rows.filter(id=connection_id).first()))


def _load_served(_: None) -> tuple[Tenant, ...]:
    rows = _tenants().order_by("slug")
    tenants = _run_query(lambda: _list_servable(rows))
    return tuple(tenant for tenant in tenants if tenant is not None and tenant.status in SERVED)


def _stale_seconds(tenant: Tenant | None) -> float:
    """Return how long a tenant is served while the database is down: one that can move, not beyond its write lease."""
    return float("inf") if tenant is None or tenant.standby is None else WRITE_LEASE.total_seconds()


def _tenants() -> QuerySet[models.Tenant]:
    return models.Tenant.objects.prefetch_related("connections")


def _known_connection(row: models.Connection | None) -> tuple[Tenant, Connection] | None:
    tenant = None if row is None else _servable(row.tenant)
    if row is None or tenant is None or tenant.status not in {*SERVED, TenantStatus.FROZEN}:
        return None
    return tenant, row.as_struct()


def _known_key(row: models.APIKey | None) -> KnownKey | None:
    if row is None:
        return None
    return KnownKey(
        id=row.id,
        sandbox="_test_" in row.prefix,
        kind=models.KeyKind(row.kind),
        scopes=frozenset(row.scopes),
        revoked=row.revoked_at is not None,
        tenant=_servable(row.tenant),
    )


def _known_operator_key(row: models.OperatorKey) -> KnownOperatorKey:
    return KnownOperatorKey(id=row.id, scopes=frozenset(row.scopes), revoked=row.revoked_at is not None)


def _list_servable(rows: QuerySet[models.Tenant]) -> list[Tenant | None]:
    releases = load_releases()
    return [_servable(row, releases) for row in rows if not _is_outdated(row)]


def _is_outdated(row: models.Tenant) -> bool:
    """Return whether this process has seen the tenant in a later epoch."""
    return row.write_epoch < _epochs.get(row.id, 0)


def _servable(row: models.Tenant | None, releases: Mapping[str, Release] | None = None) -> Tenant | None:
    if row is None:
        return None
    if _is_outdated(row):
        raise DatabaseDown(f"{row.slug} was in a later epoch: this database is behind the one that moved it")
    if row.write_epoch:
        _epochs[row.id] = row.write_epoch
    try:
        return to_tenant(row, releases)
    except msgspec.ValidationError:
        if row.status == models.Status.ACTIVE:  # a suspended one may still be without its stack
            logger.exception("the registry row of an active tenant is invalid", extra={"tenant": row.slug})
        return None


def _run_query(load: Callable[[], V]) -> V:
    """Run a query on this thread's connection; reconnect if the connection was closed since its last use."""
    if connection.in_atomic_block:
        return load()
    close_old_connections()
    try:
        return load()
    except (OperationalError, InterfaceError) as error:
        logger.warning("the registry database does not respond", exc_info=error)
        raise DatabaseDown from error
    finally:
        close_old_connections()


def _select_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


_process: Final = Registry()  # empty until first asked
by_id = _process.by_id
by_slug = _process.by_slug
by_connection = _process.by_connection
by_operator_key_hash = _process.by_operator_key_hash
by_api_key_hash = _process.by_api_key_hash
active_tenants = _process.active_tenants
served_tenants = _process.served_tenants
listed_tenants = _process.listed_tenants
polled_tenants = _process.polled_tenants
forget_key = _process.forget_key
state = _process.state
clear = _process.clear
forget_epochs = _epochs.clear
