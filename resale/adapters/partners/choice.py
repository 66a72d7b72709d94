"""Selection of the adapter of a tenant's partner by its connection, cached until that or its secret changes."""

import hashlib
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

import msgspec

from resale.application.ports import Secrets
from resale.domain.ids import CONNECTION_ID, TenantId
from resale.domain.partners import Connection, PartnerKind, PartnerMisconfigured, Provider
from resale.domain.tenants import Tenant

P = TypeVar("P")

#: Builds an adapter from the partner's account (the tenant's slug), a connection and what its secret holds.
Build = Callable[[str, Connection, Mapping[str, str]], P]

_MAX_COUNT: Final = 4_096  # more than the tenants of a process; an idle socket or two each
_RETRY_SECONDS: Final = 60  # somebody has to mend it first
_NO_SECRET: Final[Mapping[str, str]] = {}


class SelectedPartner(msgspec.Struct, Generic[P], frozen=True):
    """A connection, the secret with which its adapter was built, and the adapter."""

    connection: Connection
    secret: Mapping[str, str]
    adapter: P


class PartnerSelector(Generic[P]):
    """Cache of the adapters of one kind, one for each tenant, least recently used out. Safe for threads and fork."""

    def __init__(
        self, kind: PartnerKind, build: Build[P], *, sandbox_url: str | None, max_count: int = _MAX_COUNT
    ) -> None:
        """Store how adapters are built; none is built yet.

        Args:
            kind: What the adapters are for.
            build: Builds one; raises PartnerMisconfigured when the secret lacks what it needs.
            sandbox_url: Where the sandbox is; a sandbox tenant without a connection uses it.
            max_count: Entries at most.
        """
        self._kind = kind
        self._build = build
        self._sandbox_url = sandbox_url
        self._max_count = max_count
        self._begin()
        # In a fork's child, the lock may be held by a thread that is not there, and sockets are the parent's.
        begin = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: _call_if_alive(begin))

    def for_tenant(self, tenant: Tenant, secrets: Secrets) -> SelectedPartner[P]:
        """Return the tenant's adapter; a new one when its connection or its secret has changed.

        Raises:
            PartnerMisconfigured: The tenant has no usable connection of this kind, or its secret lacks a field.
            PartnerUnavailable: The secret cannot be read now.
        """
        connection = self._connection(tenant)
        secret = _NO_SECRET if connection.secret_name is None else secrets.get(connection.secret_name)
        with self._lock:
            known = self._kept.get(tenant.id)
            if known is None or known.connection != connection or known.secret != secret:
                adapter = self._build(tenant.slug, connection, secret)
                known = self._kept[tenant.id] = SelectedPartner(connection, secret, adapter)
            self._kept.move_to_end(tenant.id)
            while len(self._kept) > self._max_count:
                self._kept.popitem(last=False)
        return known

    def __len__(self) -> int:
        return len(self._kept)

    def _connection(self, tenant: Tenant) -> Connection:
        for connection in tenant.connections:
            if connection.kind is self._kind:
                return self._check_permitted(tenant, connection)
        if tenant.sandbox and self._sandbox_url is not None:
            return _sandbox_connection(tenant.id, self._kind)
        detail = f"Tenant {tenant.slug} has no connection for {self._kind}."
        raise PartnerMisconfigured(detail, retry_after_seconds=_RETRY_SECONDS)

    def _check_permitted(self, tenant: Tenant, connection: Connection) -> Connection:
        if connection.provider is Provider.SANDBOX and not tenant.sandbox:
            detail = f"Tenant {tenant.slug} is live and cannot use the sandbox for {self._kind}."
            raise PartnerMisconfigured(detail, retry_after_seconds=_RETRY_SECONDS)
        return connection

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[TenantId, SelectedPartner[P]] = OrderedDict()


def read_field(connection: Connection, secret: Mapping[str, str], name: str) -> str:
    """Return a field that the secret must have. Raises PartnerMisconfigured."""
    text = secret.get(name)
    if not text:
        detail = f"The secret {connection.secret_name} has no {name}."
        raise PartnerMisconfigured(detail, retry_after_seconds=_RETRY_SECONDS)
    return text


def _sandbox_connection(tenant_id: TenantId, kind: PartnerKind) -> Connection:
    """Return a tenant's implicit connection to the sandbox, whose id is always the same."""
    number = hashlib.sha256(f"{tenant_id}/{kind}".encode()).hexdigest()[:32]
    return Connection(id=CONNECTION_ID.of(number), kind=kind, provider=Provider.SANDBOX)


def _call_if_alive(method: "weakref.WeakMethod[Callable[[], None]]") -> None:
    call = method()
    if call is not None:
        call()
