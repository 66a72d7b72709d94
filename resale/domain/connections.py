"""Health of a tenant's connections: the observations of circuit breakers, and the recorded state."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.ids import ConnectionId
from resale.domain.partners import PartnerKind, Provider
from resale.errors import Conflict, NotFound

SCHEMA: Final = 1


class ConnectionStatus(StrEnum):
    """Whether the partner is called. A single probe changes it only when it succeeds."""

    CLOSED = "closed"  # the circuit: calls pass
    OPEN = "open"


class ConnectionStateNotFound(NotFound):
    """The connection has no recorded state, because it never failed."""

    code = "connection_state_not_found"
    title = "Connection state not found"
    default_detail = "No failure of this connection was recorded."


class ConnectionChanged(Conflict):
    """Another worker recorded the state of the connection first."""

    code = "connection_changed"
    title = "Connection state changed"
    default_detail = "Another worker recorded the state of the connection meanwhile."


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """The observation of a worker: open or closed ``since`` (wall clock), the failures, and the last code."""

    status: ConnectionStatus
    since: datetime
    failures: int = 0
    reason_code: str | None = None


class ConnectionState(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded state of a connection since its first failure. It has the connection's id."""

    id: ConnectionId
    object: str = "connection"
    schema: int = SCHEMA
    status: ConnectionStatus
    kind: PartnerKind
    provider: Provider
    since: datetime
    failures: int
    reason_code: str | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 0

    @property
    def observation(self) -> Observation:
        """The recorded observation."""
        return Observation(status=self.status, since=self.since, failures=self.failures, reason_code=self.reason_code)


def is_news(seen: Observation, known: Observation | None) -> bool:
    """Return whether an observation changes the recorded state. An unrecorded connection is closed."""
    if known is None:
        return seen.status != ConnectionStatus.CLOSED
    return seen.status != known.status and seen.since > known.since
