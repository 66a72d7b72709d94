"""Health of a tenant's connections, recorded for other workers, the tenant's staff and the brand."""

from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.connections import ConnectionState, ConnectionStatus, Observation, is_news
from resale.domain.entities import CONNECTION
from resale.domain.partners import Connection
from resale.domain.reasons import free_code


def record_connection(uow: UnitOfWork, *, connection: Connection, seen: Observation) -> ConnectionState | None:
    """Record that a connection's breaker opened or closed.

    Shape: reads 1 item; commits 1 (``connection.degraded`` or ``connection.recovered``), or none when the state is on
    record already or what is on record is newer.

    Args:
        uow: Fresh; committed here at most once.
        connection: Which of the tenant's.
        seen: What a worker saw.

    Returns:
        What is on record; None while it never failed.

    Raises:
        ConnectionChanged: Another worker was faster; a retry is most likely a no-op.
        Unavailable: The store did not respond.
    """
    states = uow.repository(CONNECTION)
    known = states.find(connection.id)
    if not is_news(seen, None if known is None else known.observation):
        return known
    state = ConnectionState(
        id=connection.id,
        version=1 if known is None else known.version + 1,
        kind=connection.kind,
        provider=connection.provider,
        status=seen.status,
        since=seen.since,
        failures=seen.failures,
        reason_code=seen.reason_code,
        created_at=uow.now if known is None else known.created_at,
        updated_at=uow.now,
    )
    reason = free_code(seen.reason_code)
    if known is None:
        states.add(state, change_type=ChangeType.CONNECTION_DEGRADED, reason_code=reason)
    elif seen.status == ConnectionStatus.OPEN:
        states.save(state, change_type=ChangeType.CONNECTION_DEGRADED, reason_code=reason)
    else:
        states.save(state, change_type=ChangeType.CONNECTION_RECOVERED)
    uow.commit()
    return state
