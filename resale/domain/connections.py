"""How a tenant's connection to a partner fares: what a worker's breaker saw of it, and what of that is kept."""

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
    """What a worker saw: open or closed ``since`` then (wall clock), after so many failures, the last of this code."""

    status: ConnectionStatus
    since: datetime
    failures: int = 0
    reason_code: str | None = None


class ConnectionState(msgspec.Struct, frozen=True, kw_only=True):
    """What is on record of a connection, from the first time it failed. It has the connection's id."""

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
        """What was seen when it was recorded."""
        return Observation(status=self.status, since=self.since, failures=self.failures, reason_code=self.reason_code)


def is_news(seen: Observation, known: Observation | None) -> bool:
    """Say whether what was seen changes what is known. A connection nothing is known of is closed."""
    if known is None:
        return seen.status != ConnectionStatus.CLOSED
    return seen.status != known.status and seen.since > known.since
