"""Health of a tenant's connections to partners, for the brand and its staff. Never their secrets."""

from datetime import datetime

import msgspec

from resale.application.ports import Reader
from resale.domain.access import Action, Principal, permits
from resale.domain.connections import ConnectionState, ConnectionStatus
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection, PartnerKind, Provider


class ConnectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A connection to a partner: ``closed`` while calls are sent, ``open`` while they are stopped because of failures.

    ``since`` is null if it never failed. The limits apply to each worker.
    """

    id: ConnectionId
    object: str = "connection"
    kind: PartnerKind
    provider: Provider
    status: ConnectionStatus
    since: datetime | None
    failures: int
    reason_code: str | None
    calls_per_second: int
    concurrent_calls: int


class ConnectionList(msgspec.Struct, frozen=True, kw_only=True):
    """All connections of the shop, on one page."""

    object: str = "list"
    data: tuple[ConnectionView, ...]
    has_more: bool = False
    next_cursor: str | None = None


def list_connections(*, reader: Reader, principal: Principal) -> ConnectionList:
    """List the tenant's connections with their recorded states.

    Shape: reads 1 item a connection.
    """
    views = (_view(one, reader.find_connection(one.id)) for one in reader.tenant.connections)
    allowed = (view for view in views if permits(Action.VIEW_CONNECTION, principal.standing, view.status))
    return ConnectionList(data=tuple(allowed))


def _view(connection: Connection, state: ConnectionState | None) -> ConnectionView:
    return ConnectionView(
        id=connection.id,
        kind=connection.kind,
        provider=connection.provider,
        status=ConnectionStatus.CLOSED if state is None else state.status,
        since=None if state is None else state.since,
        failures=0 if state is None else state.failures,
        reason_code=None if state is None else state.reason_code,
        calls_per_second=connection.calls_per_second,
        concurrent_calls=connection.concurrent_calls,
    )
