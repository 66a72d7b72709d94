"""What calls consume, as the engine reports it, and requests to SQS: told to whoever meters a tenant."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.dynamodb.client import ConditionFailed, Item, to_wire
from resale.adapters.sqs.queues import SQSQueues
from resale.domain.ids import TenantId
from resale.domain.tenants import Tenant
from resale.domain.usage import Meter
from resale.settings import Settings

_KILOBYTES = 3


class Metered:
    """The quantities of one tenant by meter."""

    def __init__(self) -> None:
        self.counts: defaultdict[tuple[TenantId, Meter], float] = defaultdict(float)

    def add(self, tenant_id: TenantId, meter: Meter, quantity: float) -> None:
        self.counts[tenant_id, meter] += quantity


@pytest.fixture
def metered() -> Metered:
    return Metered()


@pytest.fixture
def session(resale_settings: Settings, tenants: tuple[Tenant, Tenant], metered: Metered) -> Iterator[TenantSession]:
    sessions = TenantSessions(resale_settings, record_usage=metered.add)
    yield sessions.for_tenant(tenants[0])
    sessions.close()


def test_units_of_reads_and_writes(session: TenantSession, metered: Metered, table: str, item: Item) -> None:
    key = {"pk": item["pk"], "sk": item["sk"]}
    large = {**item, "doc": "x" * 1024 * _KILOBYTES}

    session.dynamodb.put_item(table=table, item=large, condition=None)
    written = metered.counts[session.tenant.id, Meter.WRITE_UNITS]
    assert written >= _KILOBYTES + 1  # more with each index that holds it

    session.dynamodb.get_item(table=table, key=key)
    assert metered.counts[session.tenant.id, Meter.READ_UNITS] == 1
    session.dynamodb.get_item(table=table, key=key, consistent=False)
    assert metered.counts[session.tenant.id, Meter.READ_UNITS] == 1.5


def test_units_of_a_transaction_are_twice_as_many(
    session: TenantSession, metered: Metered, table: str, item: Item
) -> None:
    session.dynamodb.put_item(table=table, item=item, condition=None)
    alone = metered.counts[session.tenant.id, Meter.WRITE_UNITS]
    session.dynamodb.transact_write([{"Put": {"TableName": table, "Item": to_wire({**item, "pk": f"{item['pk']}0"})}}])
    assert metered.counts[session.tenant.id, Meter.WRITE_UNITS] == alone * 3


def test_a_query(session: TenantSession, metered: Metered, table: str, item: Item) -> None:
    session.dynamodb.put_item(table=table, item=item, condition=None)
    found, _ = session.dynamodb.query(
        table=table, index=None, condition="pk = :pk", values={":pk": item["pk"]}, limit=5, forward=True
    )
    assert len(found) == 1
    assert metered.counts[session.tenant.id, Meter.READ_UNITS] == 0.5


def test_requests_to_sqs(session: TenantSession, metered: Metered) -> None:
    url = session.tenant.resources.queues.orders.url
    SQSQueues(session).count(url)
    SQSQueues(session).count(url)
    assert metered.counts[session.tenant.id, Meter.QUEUE_REQUESTS] == 2


def test_a_condition_that_fails_is_no_fault(session: TenantSession, table: str, item: Item) -> None:
    session.dynamodb.put_item(table=table, item=item, condition=None)
    with pytest.raises(ConditionFailed):
        session.dynamodb.put_item(table=table, item=item, condition="attribute_not_exists(pk)")
