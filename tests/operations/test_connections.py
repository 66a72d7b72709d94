"""What is on record of connections: written when a breaker opens or closes, once, and each tenant's its own."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from resale.adapters.partners.guards import Guards
from resale.adapters.partners.records import ConnectionRecords
from resale.adapters.partners.rules import GuardRules
from resale.application.operations.connections import record_connection
from resale.application.ports import Partners, UnitOfWork
from resale.application.queries.connections import list_connections
from resale.application.queries.history import verify_history
from resale.bootstrap import Container
from resale.domain.access import Principal
from resale.domain.changes import ChangeType
from resale.domain.connections import ConnectionChanged, ConnectionState, ConnectionStatus, Observation
from resale.domain.entities import CONNECTION
from resale.domain.ids import ConnectionId, PaymentId, ShipmentId
from resale.domain.money import Money
from resale.domain.partners import Connection, PartnerKind, PartnerPaused, PartnerUnavailable, Provider
from resale.domain.payments import PaymentRequest
from resale.domain.tenants import Tenant
from tests.operations.world import BRAND, World, later
from tests.unit.builders import NOW, ORDER

OPEN, CLOSED = ConnectionStatus.OPEN, ConnectionStatus.CLOSED


@pytest.fixture
def connection() -> Connection:
    """One that nobody else has."""
    return Connection(
        id=ConnectionId(f"con_{uuid.uuid4().hex}"),
        kind=PartnerKind.PAYMENTS,
        provider=Provider.STRIPE,
        secret_name="payments",
        calls_per_second=10,
        concurrent_calls=2,
    )


def opened(at: datetime = NOW) -> Observation:
    return Observation(status=OPEN, since=at, failures=5, reason_code="partner_unavailable")


def closed(at: datetime) -> Observation:
    return Observation(status=CLOSED, since=at)


def record(world: World, connection: Connection, seen: Observation, uow: UnitOfWork | None = None) -> ConnectionState:
    state = record_connection(uow or world.uow(now=seen.since), connection=connection, seen=seen)
    assert state is not None
    return state


class TestRecordConnection:
    def test_keeps_what_was_seen_and_why(self, world: World, connection: Connection) -> None:
        record(world, connection, opened())
        known = world.reader.find_connection(connection.id)
        assert known is not None
        assert known.observation == opened()
        assert (known.kind, known.provider, known.version) == (connection.kind, connection.provider, 1)
        recovered = record(world, connection, closed(later(60)))
        assert (recovered.status, recovered.failures, recovered.reason_code) == (CLOSED, 0, None)
        assert (recovered.version, recovered.created_at, recovered.updated_at) == (2, NOW, later(60))
        assert record(world, connection, opened(later(90))).version == 3

    def test_writes_nothing_when_it_is_known(self, world: World, connection: Connection) -> None:
        record(world, connection, opened())
        again = record(world, connection, opened(later(10)))
        assert (again.version, again.since) == (1, NOW)

    def test_writes_nothing_of_a_connection_that_never_failed(self, world: World, connection: Connection) -> None:
        assert record_connection(world.uow(), connection=connection, seen=closed(NOW)) is None
        assert world.reader.find_connection(connection.id) is None

    def test_of_an_older_moment_changes_nothing(self, world: World, connection: Connection) -> None:
        record(world, connection, opened())
        record(world, connection, closed(later(60)))
        assert record(world, connection, opened(later(30))).status == CLOSED

    @pytest.mark.parametrize("first", [True, False])
    def test_of_two_at_once_one_is_kept(self, world: World, connection: Connection, first: bool) -> None:  # noqa: FBT001 - a case
        if not first:
            record(world, connection, opened())
            record(world, connection, closed(later(1)))
        slow = world.uow()
        slow.repository(CONNECTION).find(connection.id)
        state = record(world, connection, opened(later(2)))
        if first:
            slow.repository(CONNECTION).add(state, change_type=ChangeType.CONNECTION_DEGRADED)
        else:
            slow.repository(CONNECTION).save(state, change_type=ChangeType.CONNECTION_DEGRADED)
        with pytest.raises(ConnectionChanged):
            slow.commit()

    def test_is_on_record_as_a_change(self, world: World, connection: Connection) -> None:
        record(world, connection, opened())
        head = world.reader.find_head(connection.id, parent_id=connection.id)
        assert head is not None
        verified = verify_history(reader=world.reader, entity_id=connection.id, parent_id=connection.id)
        assert (head.version, verified.head_version) == (1, 1)
        item = world.container.sessions.for_tenant(world.tenant).dynamodb.get_item(
            table=world.tenant.resources.tables.orders, key={"pk": connection.id, "sk": "connection"}
        )
        assert item is not None
        change = msgspec.json.decode(str(item["change"]))
        assert (change["type"], change["reason_code"]) == ("connection.degraded", "partner_unavailable")

    def test_is_the_tenants_own(self, world: World, other_world: World, connection: Connection) -> None:
        record(world, connection, opened())
        assert other_world.reader.find_connection(connection.id) is None


class TestListConnections:
    @staticmethod
    def reader_of(world: World, *connections: Connection) -> World:
        return World(world.container, msgspec.structs.replace(world.tenant, connections=connections))

    def test_shows_each_as_it_is_set_up_with_its_state(self, world: World, connection: Connection) -> None:
        quiet = msgspec.structs.replace(connection, id=ConnectionId(f"con_{uuid.uuid4().hex}"))
        record(world, connection, opened())
        listed = list_connections(reader=self.reader_of(world, connection, quiet).reader, principal=BRAND)
        assert [(one.id, one.status, one.since, one.failures) for one in listed.data] == [
            (connection.id, OPEN, NOW, 5),
            (quiet.id, CLOSED, None, 0),
        ]

    def test_names_no_secret(self, world: World, connection: Connection) -> None:
        listed = list_connections(reader=self.reader_of(world, connection).reader, principal=BRAND)
        assert b"secret" not in msgspec.json.encode(listed)

    def test_is_empty_for_a_shopper(self, world: World, connection: Connection) -> None:
        reader = self.reader_of(world, connection).reader
        assert list_connections(reader=reader, principal=Principal()).data == ()


class TestGuardOnRecord:
    def test_one_write_when_it_opens_and_one_when_it_closes(
        self, world: World, other_world: World, connection: Connection, tmp_path: Path
    ) -> None:
        moments = [NOW]

        def write(tenant: Tenant, which: Connection, seen: Observation) -> None:
            record(World(world.container, tenant), which, seen)

        def guards(worker: str) -> Guards:
            return Guards(
                str(tmp_path / worker),
                open_states=lambda tenant: ConnectionRecords(
                    tenant, open_reader=lambda: world.container.reader(tenant), record=write
                ),
                rules=GuardRules(wait_seconds=10, failures=2, pause_seconds=10, agree_seconds=0),
                clock=lambda: moments[-1],
            )

        first, second = guards("first"), guards("second")
        ours = first.for_connection(world.tenant, connection)
        for _ in range(2):
            with pytest.raises(PartnerUnavailable, match="no answer"):
                ours.call(_fail)
        with pytest.raises(PartnerPaused, match="are paused"):
            second.for_connection(world.tenant, connection).call(lambda: "asked")
        assert second.for_connection(other_world.tenant, connection).call(lambda: "asked") == "asked"
        moments.append(NOW + timedelta(seconds=10))
        assert ours.call(lambda: "answered") == "answered"
        assert second.for_connection(world.tenant, connection).call(lambda: "asked") == "asked"
        known = world.reader.find_connection(connection.id)
        assert known is not None
        assert (known.version, known.observation) == (2, closed(moments[-1]))


def _fail() -> None:
    raise PartnerUnavailable("no answer")


class TestContainer:
    @pytest.mark.parametrize("kind", PartnerKind)
    def test_guards_every_partner_it_opens(self, world: World, kind: PartnerKind) -> None:
        nobody = "http://127.0.0.1:9"
        seen: list[tuple[Tenant, Observation]] = []
        settings = msgspec.structs.replace(world.container.settings, payments_url=nobody, shipping_url=nobody)
        container = Container(settings, record_connection=lambda tenant, _, what: seen.append((tenant, what)))
        try:
            for _ in range(5):
                with pytest.raises(PartnerUnavailable):
                    _ask(container.partners(world.tenant), kind)
            with pytest.raises(PartnerPaused):
                _ask(container.partners(world.tenant), kind)
        finally:
            container.close()
        assert [(tenant, what.status) for tenant, what in seen] == [(world.tenant, OPEN)]


def _ask(partners: Partners, kind: PartnerKind) -> None:
    if kind is PartnerKind.PAYMENTS:
        request = PaymentRequest(
            attempt_id=PaymentId("pay_1"), order_id=ORDER, amount=Money(amount=1, currency="GBP"), token="tok_ok"
        )
        partners.payments.find_payment(request)
    else:
        partners.shipping.find_label(shipment_id=ShipmentId("shp_1"))
