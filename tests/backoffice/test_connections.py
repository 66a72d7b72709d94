"""Connections for staff, and for operators what of them fails."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from apps.tenancy.tenants import connect
from resale.application.operations.connections import record_connection
from resale.domain.connections import ConnectionStatus, Observation
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection, PartnerKind, Provider
from tests.backoffice.staff_clients import Backoffice, StaffClient

SINCE = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

FAILING = Observation(status=ConnectionStatus.OPEN, since=SINCE, failures=5, reason_code="partner_misconfigured")


@pytest.fixture
def connection(backoffice: Backoffice) -> Connection:
    """Tenant A's, to a carrier."""
    made = Connection(
        id=ConnectionId(f"con_{uuid.uuid4().hex}"),
        kind=PartnerKind.SHIPPING,
        provider=Provider.SANDBOX,
        calls_per_second=3,
        concurrent_calls=2,
    )
    connect(slug=backoffice.slug, connection=made)
    return made


def record(backoffice: Backoffice, connection: Connection, seen: Observation) -> None:
    record_connection(backoffice.front.world.uow(now=SINCE), connection=connection, seen=seen)


class TestConnections:
    def test_shows_what_is_called(self, viewer: StaffClient, connection: Connection) -> None:
        page = viewer.get("connections")
        assert "Sandbox shipping" in page.text
        assert "Called never failed 2 at once, 3 a second" in page.text
        assert connection.id in page.html

    def test_shows_what_is_not_and_why(
        self, backoffice: Backoffice, viewer: StaffClient, connection: Connection
    ) -> None:
        record(backoffice, connection, FAILING)
        said = "Not called 21 Nov 2026, 09:30 UTC Partner misconfigured 5 times in a row"
        assert said in viewer.get("connections").text


class TestHealth:
    def test_names_partners_that_are_not_called(
        self, backoffice: Backoffice, operator: StaffClient, connection: Connection
    ) -> None:
        assert "Sandbox shipping" not in operator.get("health").text
        record(backoffice, connection, FAILING)
        assert "Sandbox shipping Partner misconfigured, since 21 Nov 2026, 09:30 UTC" in operator.get("health").text
        record(backoffice, connection, Observation(status=ConnectionStatus.CLOSED, since=SINCE + timedelta(minutes=1)))
        assert "Sandbox shipping" not in operator.get("health").text
