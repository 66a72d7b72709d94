"""The data lane before a store in trouble: what it repeats, what it gives up, and that nothing is written twice."""

import time
import uuid
from typing import Any

import msgspec
import pytest
from botocore.retries.quota import RetryQuota

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.dynamodb.client import ConditionFailed, DynamoDB, Item, TransactionCanceled, to_wire
from resale.adapters.dynamodb.http_connections import ConnectionPool
from resale.adapters.dynamodb.retries import FAULT_ATTEMPTS
from resale.adapters.dynamodb.signed_calls import SignedCaller
from resale.errors import Unavailable
from tests.adapters.test_data_lane import NEW, key_of, put
from tests.faults.proxy import Fault, FaultProxy

#: One attempt may stall for its whole read timeout after the last moment at which one may start; and a slow machine.
LONGEST_SECONDS = 2.0 + 1.5 + 1.0


def faults_of(proxy: FaultProxy, operation: str) -> list[Fault | None]:
    return [seen.fault for seen in proxy.seen(operation)]


class TestReads:
    @pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.INVALID_CONTENTS}, key=str))  # SQS's alone
    def test_a_passing_fault_is_not_seen(
        self, fault: Fault, faulty_lane: DynamoDB, lane: DynamoDB, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        lane.put_item(table=table, item=item, condition=NEW)
        store_proxy.inject(fault, "GetItem", count=1)
        assert faulty_lane.get_item(table=table, key=key_of(item)) == item
        assert faults_of(store_proxy, "GetItem") == [fault, None]

    @pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.UNAVAILABLE, Fault.DROP_REQUEST, Fault.STALL])
    def test_a_lasting_fault_is_given_up_in_time(
        self, fault: Fault, faulty_lane: DynamoDB, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        store_proxy.inject(fault)
        started_at = time.monotonic()
        with pytest.raises(Unavailable) as failure:
            faulty_lane.get_item(table=table, key=key_of(item))
        assert time.monotonic() - started_at < LONGEST_SECONDS
        assert failure.value.retry_after_seconds >= 1
        assert 2 <= len(store_proxy.seen("GetItem")) <= FAULT_ATTEMPTS

    @pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.UNAVAILABLE, Fault.DROP_REQUEST])
    def test_a_store_in_trouble_is_soon_sent_each_request_once(
        self, fault: Fault, session: TenantSession, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        body = msgspec.json.encode({"TableName": table, "Key": to_wire(key_of(item))})
        pool = ConnectionPool(store_proxy.url, connect_timeout_seconds=2, read_timeout_seconds=1.5)
        quota = RetryQuota(30)  # the real one would take this test a minute to use up
        caller = SignedCaller(pool, region=session.tenant.region, credentials=session, quota=quota)
        store_proxy.inject(fault)
        sent = []
        for _ in range(8):
            before = len(store_proxy.seen("GetItem"))
            with pytest.raises(Unavailable):
                caller.call("GetItem", body)
            sent.append(len(store_proxy.seen("GetItem")) - before)
        assert sent[0] > 1
        assert sent[-3:] == [1, 1, 1]
        store_proxy.clear()
        for _ in range(20):  # each success returns a part of the quota
            caller.call("GetItem", body)
        store_proxy.inject(fault, "GetItem", count=1)
        assert caller.call("GetItem", body) == b"{}"
        pool.close()


class TestWrites:
    @pytest.mark.parametrize("fault", [Fault.DROP_ANSWER, Fault.TRUNCATE_ANSWER, Fault.STALL_ANSWER])
    def test_a_lost_answer_shows_our_own_item(
        self, fault: Fault, faulty_lane: DynamoDB, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        store_proxy.inject(fault, "PutItem", count=1)
        with pytest.raises(ConditionFailed) as failure:
            faulty_lane.put_item(table=table, item=item, condition=NEW)
        assert failure.value.item == item

    def test_a_lost_answer_of_a_transaction_shows_our_own_items(
        self, faulty_lane: DynamoDB, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        other = item | {"pk": f"lst_{uuid.uuid4().hex}"}
        store_proxy.inject(Fault.DROP_ANSWER, "TransactWriteItems", count=1)
        with pytest.raises(TransactionCanceled) as failure:
            faulty_lane.transact_write([put(table, item), put(table, other)])
        assert [reason.item for reason in failure.value.reasons] == [item, other]

    def test_a_dropped_request_is_written_once(
        self, faulty_lane: DynamoDB, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        store_proxy.inject(Fault.DROP_REQUEST, "PutItem", count=1)
        faulty_lane.put_item(table=table, item=item, condition=NEW)
        assert faulty_lane.get_item(table=table, key=key_of(item)) == item

    def test_a_failed_condition_is_not_repeated(
        self, faulty_lane: DynamoDB, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        faulty_lane.put_item(table=table, item=item, condition=NEW)
        with pytest.raises(TransactionCanceled):
            faulty_lane.transact_write([put(table, item)])
        assert faults_of(store_proxy, "TransactWriteItems") == [None]


class TestConflicts:
    def test_a_passing_conflict_is_not_seen(
        self, faulty_lane: DynamoDB, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        store_proxy.inject(Fault.TRANSACTION_CONFLICT, count=2)
        faulty_lane.transact_write([put(table, item)])
        assert faulty_lane.get_item(table=table, key=key_of(item)) == item
        assert len(store_proxy.seen("TransactWriteItems")) == 3

    def test_a_lasting_conflict_says_which_action(
        self, faulty_lane: DynamoDB, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        store_proxy.inject(Fault.TRANSACTION_CONFLICT)
        started_at = time.monotonic()
        with pytest.raises(TransactionCanceled) as failure:
            faulty_lane.transact_write([put(table, item)])
        assert [reason.code for reason in failure.value.reasons] == ["TransactionConflict"]
        assert 1.0 < time.monotonic() - started_at < LONGEST_SECONDS


class TestRefusedTokens:
    def test_an_unknown_session_is_renewed_in_the_call(
        self, open_sessions: Any, tenants: Any, engines: Any, guarded_table: str, item: Item
    ) -> None:
        northwind = tenants[0]
        session: TenantSession = open_sessions(
            dynamodb_endpoints={northwind.account_id: engines.aws_endpoint_url}
        ).for_tenant(northwind)
        lease = session._credentials.ensure(60)
        session._credentials._lease = lease._replace(frozen=lease.frozen._replace(access_key="ASIAUNKNOWNUNKNOWN00"))
        assert session.dynamodb.get_item(table=guarded_table, key=key_of(item)) is None
        assert session.credentials().access_key not in {"ASIAUNKNOWNUNKNOWN00", lease.frozen.access_key}

    def test_a_lasting_refusal_ends_as_unavailable(
        self, faulty_lane: DynamoDB, store_proxy: FaultProxy, table: str, item: Item
    ) -> None:
        store_proxy.inject(Fault.FORBIDDEN)
        with pytest.raises(Unavailable, match="refused the session"):
            faulty_lane.get_item(table=table, key=key_of(item))
        assert len(store_proxy.seen("GetItem")) == 2
