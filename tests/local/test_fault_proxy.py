"""The fault proxy before the real engines: what a client sees, and what the engine was told."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from deploy.local.engines.local import LocalEngines
from tests.faults.proxy import Fault, FaultProxy
from tests.local.clients import client, make_table


@pytest.fixture(scope="module")
def table(engines: LocalEngines) -> Iterator[Any]:
    """A client straight to the engine."""
    straight = client("dynamodb", engines.dynamodb_endpoints["111111111111"])
    make_table(straight)
    yield straight
    straight.delete_table(TableName="things")


@pytest.fixture
def proxy(engines: LocalEngines) -> Iterator[FaultProxy]:
    with FaultProxy(engines.dynamodb_endpoints["111111111111"], seed=5) as running:
        yield running


@pytest.fixture
def aws_proxy(engines: LocalEngines) -> Iterator[FaultProxy]:
    with FaultProxy(engines.aws_endpoint_url) as running:
        yield running


def put(dynamodb: Any, key: str) -> None:
    dynamodb.put_item(TableName="things", Item={"pk": {"S": key}})


def put_all(dynamodb: Any, *keys: str) -> None:
    items = [{"Put": {"TableName": "things", "Item": {"pk": {"S": key}}}} for key in keys]
    dynamodb.transact_write_items(TransactItems=items)


def is_there(table: Any, key: str) -> bool:
    return "Item" in table.get_item(TableName="things", Key={"pk": {"S": key}}, ConsistentRead=True)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


class TestRefusals:
    def test_conflict_gives_a_reason_per_action_and_writes_nothing(self, table: Any, proxy: FaultProxy) -> None:
        proxy.inject(Fault.TRANSACTION_CONFLICT, "TransactWriteItems")
        with pytest.raises(ClientError) as error:
            put_all(client("dynamodb", proxy.url), "c1", "c2", "c3")
        assert code_of(error) == ("TransactionCanceledException", 400)
        codes = [reason["Code"] for reason in error.value.response["CancellationReasons"]]
        assert len(codes) == 3
        assert "TransactionConflict" in codes
        assert set(codes) <= {"TransactionConflict", "None"}
        assert not is_there(table, "c1")

    def test_conflict_on_a_single_write_has_its_own_name(self, table: Any, proxy: FaultProxy) -> None:
        proxy.inject(Fault.TRANSACTION_CONFLICT)
        with pytest.raises(ClientError) as error:
            put(client("dynamodb", proxy.url), "single")
        assert code_of(error) == ("TransactionConflictException", 400)
        assert not is_there(table, "single")

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            (Fault.THROTTLE, ("ProvisionedThroughputExceededException", 400)),
            (Fault.UNAVAILABLE, ("ServiceUnavailableException", 503)),
            (Fault.FORBIDDEN, ("UnrecognizedClientException", 403)),
        ],
    )
    def test_are_worded_as_dynamodb_does(
        self, table: Any, proxy: FaultProxy, fault: Fault, expected: tuple[str, int]
    ) -> None:
        proxy.inject(fault)
        with pytest.raises(ClientError) as error:
            put(client("dynamodb", proxy.url), fault.name)
        assert code_of(error) == expected
        assert not is_there(table, fault.name)

    @pytest.mark.parametrize(
        ("fault", "service", "call", "expected"),
        [
            (Fault.THROTTLE, "sqs", "list_queues", ("RequestThrottled", 400)),
            (Fault.THROTTLE, "kms", "list_keys", ("ThrottlingException", 400)),
            (Fault.THROTTLE, "sts", "get_caller_identity", ("Throttling", 400)),
            (Fault.THROTTLE, "s3", "list_buckets", ("SlowDown", 503)),
            (Fault.FORBIDDEN, "sqs", "list_queues", ("UnrecognizedClientException", 403)),
            (Fault.FORBIDDEN, "sts", "get_caller_identity", ("InvalidClientTokenId", 403)),
            (Fault.FORBIDDEN, "s3", "list_buckets", ("InvalidToken", 403)),
            (Fault.UNAVAILABLE, "s3", "list_buckets", ("ServiceUnavailable", 503)),
        ],
    )
    def test_are_worded_as_each_service_does(
        self, aws_proxy: FaultProxy, fault: Fault, service: str, call: str, expected: tuple[str, int]
    ) -> None:
        aws_proxy.inject(fault)
        with pytest.raises(ClientError) as error:
            getattr(client(service, aws_proxy.url), call)()
        assert code_of(error) == expected


class TestConnections:
    def test_dropped_request_never_reaches_the_engine(self, table: Any, proxy: FaultProxy) -> None:
        proxy.inject(Fault.DROP_REQUEST, "PutItem")
        with pytest.raises(ConnectionClosedError):
            put(client("dynamodb", proxy.url), "dropped")
        assert not is_there(table, "dropped")

    def test_dropped_answer_was_done_by_the_engine(self, table: Any, proxy: FaultProxy) -> None:
        proxy.inject(Fault.DROP_ANSWER, "PutItem")
        with pytest.raises(ConnectionClosedError):
            put(client("dynamodb", proxy.url), "answer lost")
        assert is_there(table, "answer lost")

    def test_truncated_answer_was_done_by_the_engine(self, table: Any, proxy: FaultProxy) -> None:
        proxy.inject(Fault.TRUNCATE_ANSWER, "PutItem")
        # By hand: botocore takes half a response to a write for a whole one.
        body = b'{"TableName": "things", "Item": {"pk": {"S": "half"}}, "ReturnConsumedCapacity": "TOTAL"}'
        headers = {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"}
        scope = "Credential=111111111111/20260101/eu-west-2/dynamodb/aws4_request, SignedHeaders=host, Signature=any"
        headers |= {"Authorization": f"AWS4-HMAC-SHA256 {scope}", "X-Amz-Date": "20260101T000000Z"}
        with closing(http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=5)) as connection:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            with pytest.raises(http.client.IncompleteRead):
                response.read()
        assert is_there(table, "half")

    @pytest.mark.parametrize(("fault", "done"), [(Fault.STALL, []), (Fault.STALL_ANSWER, ["done"])])
    def test_stall_outlasts_the_clients_patience(
        self, table: Any, proxy: FaultProxy, fault: Fault, done: list[str]
    ) -> None:
        proxy.inject(fault, "PutItem")
        patient = client("dynamodb", proxy.url)
        patient._endpoint.http_session._timeout = 0.3
        patient._endpoint.http_session._manager.connection_pool_kw["timeout"] = 0.3
        with pytest.raises(ReadTimeoutError):
            put(patient, fault.name)
        assert is_there(table, fault.name) is bool(done)

    def test_an_engine_that_is_down_looks_down(self) -> None:
        with FaultProxy("http://127.0.0.1:1") as proxy, pytest.raises(ConnectionClosedError):
            client("dynamodb", proxy.url).list_tables()

    def test_a_closed_proxy_answers_no_more(self, engines: LocalEngines) -> None:
        with FaultProxy(engines.aws_endpoint_url) as proxy:
            sts = client("sts", proxy.url)
            sts.get_caller_identity()
        with pytest.raises((EndpointConnectionError, ConnectionClosedError)):
            sts.get_caller_identity()


class TestRules:
    @pytest.mark.usefixtures("table")
    def test_strike_only_the_operation_named_after_skips_and_up_to_a_count(self, proxy: FaultProxy) -> None:
        proxy.inject(Fault.THROTTLE, "Put*", skip=1, count=2)
        dynamodb = client("dynamodb", proxy.url)
        outcomes = []
        for _ in range(4):
            dynamodb.list_tables()
            try:
                put(dynamodb, "rules")
                outcomes.append("put")
            except ClientError:
                outcomes.append("throttled")
        assert outcomes == ["put", "throttled", "throttled", "put"]
        assert proxy.injected() == 2
        assert len(proxy.seen("ListTables")) == 4

    @pytest.mark.usefixtures("table")
    def test_draw_the_same_from_the_same_seed(self, engines: LocalEngines) -> None:
        runs = []
        for _ in range(2):
            with FaultProxy(engines.dynamodb_endpoints["111111111111"], seed=42) as proxy:
                proxy.inject(Fault.THROTTLE, "ListTables", probability=0.3)
                dynamodb = client("dynamodb", proxy.url)
                for _ in range(60):
                    try:
                        dynamodb.list_tables()
                    except ClientError:
                        continue
                runs.append([seen.fault for seen in proxy.seen()])
        assert runs[0] == runs[1]
        assert 8 <= sum(fault is not None for fault in runs[0]) <= 28

    @pytest.mark.usefixtures("table")
    def test_end_with_their_block(self, proxy: FaultProxy) -> None:
        dynamodb = client("dynamodb", proxy.url)
        with proxy.injecting(Fault.THROTTLE), pytest.raises(ClientError):
            dynamodb.list_tables()
        dynamodb.list_tables()


class TestForwarding:
    def test_keeps_signatures_bodies_and_heads_whole(self, aws_proxy: FaultProxy) -> None:
        s3 = client("s3", aws_proxy.url)
        s3.create_bucket(Bucket="proxied", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        body = bytes(range(256)) * 8000
        s3.put_object(Bucket="proxied", Key="a key/with ü", Body=body)
        assert s3.get_object(Bucket="proxied", Key="a key/with ü")["Body"].read() == body
        assert s3.head_object(Bucket="proxied", Key="a key/with ü")["ContentLength"] == len(body)
        s3.delete_object(Bucket="proxied", Key="a key/with ü")
        s3.delete_bucket(Bucket="proxied")
        assert aws_proxy.seen("PUT /proxied/*")

    def test_serves_many_at_once(self, table: Any, proxy: FaultProxy) -> None:
        dynamodb = client("dynamodb", proxy.url)
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda number: put(dynamodb, f"many-{number}"), range(200)))
        assert all(is_there(table, f"many-{number}") for number in range(200))
