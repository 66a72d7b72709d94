"""A connection to guard, what is on record of it in memory, and a clock that a test turns on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from resale.adapters.partners.guard import Guard
from resale.adapters.partners.rules import GuardRules
from resale.domain.connections import ConnectionState, Observation, is_news
from resale.domain.ids import ConnectionId, TenantId
from resale.domain.partners import Connection, PartnerKind, PartnerUnavailable, Provider
from resale.domain.tenants import Queue, Queues, Resources, Tables, Tenant, TenantStatus
from tests.unit.builders import NOW

CONNECTION = Connection(
    id=ConnectionId("con_" + "8" * 32),
    kind=PartnerKind.PAYMENTS,
    provider=Provider.SANDBOX,
    calls_per_second=1000,
    concurrent_calls=4,
)
RULES = GuardRules(wait_seconds=10, failures=3, pause_seconds=10, pause_max_seconds=35, agree_seconds=0)
HASTY = msgspec.structs.replace(RULES, wait_seconds=0.05)  # to be sent back, and not to wait for it


class Clock:
    """Stands still until it is turned on."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self._now

    def turn_on(self, *, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class Recorded:
    """Keeps ``resale.application.ports.ConnectionStates``: one tenant's, in memory. ``fault`` is raised by both."""

    def __init__(self) -> None:
        self.state: ConnectionState | None = None
        self.reports: list[Observation] = []
        self.fault: Exception | None = None

    def find(self, connection_id: ConnectionId) -> ConnectionState | None:
        if self.fault is not None:
            raise self.fault
        assert self.state is None or self.state.id == connection_id
        return self.state

    def report(self, connection: Connection, seen: Observation) -> None:
        if self.fault is not None:
            raise self.fault
        self.reports.append(seen)
        if is_news(seen, None if self.state is None else self.state.observation):
            self.state = state_of(connection, seen)


def state_of(connection: Connection, seen: Observation) -> ConnectionState:
    return ConnectionState(
        id=connection.id,
        kind=connection.kind,
        provider=connection.provider,
        status=seen.status,
        since=seen.since,
        failures=seen.failures,
        reason_code=seen.reason_code,
        created_at=NOW,
        updated_at=NOW,
    )


def a_guard(
    folder: Path,
    *,
    states: Recorded | None = None,
    clock: Clock | None = None,
    connection: Connection = CONNECTION,
    rules: GuardRules = RULES,
) -> Guard:
    return Guard(connection, folder=folder, states=states or Recorded(), rules=rules, clock=clock or Clock())


def fail() -> None:
    """A partner that gives no response."""
    raise PartnerUnavailable("no answer", retry_after_seconds=7)


def a_tenant(letter: str) -> Tenant:
    """A tenant of which nothing but its id matters."""
    return Tenant(
        id=TenantId(f"ten_{letter * 32}"),
        slug=letter,
        name=letter,
        account_id="111111111111",
        region="eu-west-2",
        tier="standard",
        status=TenantStatus.ACTIVE,
        sandbox=True,
        currency="GBP",
        market="GB",
        locale="en-GB",
        commission_basis_points=1000,
        oidc_issuer="https://issuer.example",
        oidc_audience="shop",
        allowed_origins=(),
        external_id="",
        resources=_nowhere(),
        connections=(CONNECTION,),
    )


def _nowhere() -> Resources:
    """The map of a stack that is never looked up."""
    queue = Queue("none", "", "")
    return Resources(
        tables=Tables(**dict.fromkeys(Tables.__struct_fields__, "none")),
        queues=Queues(**dict.fromkeys(Queues.__struct_fields__, queue)),
        media_bucket="",
        audit_bucket="",
        topic_arn="",
        key_arn="",
        access_role_arn="",
        media_base_url="",
        index_shards=2,
    )
