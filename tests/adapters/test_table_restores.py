"""What a restore sends to AWS, held by botocore's Stubber; ``tests/local`` has the same steps on the engines."""

from datetime import UTC, datetime
from typing import Any

import botocore.session
import msgspec
import pytest
from botocore.stub import Stubber

from resale.adapters.table_restores import AccountTables
from resale.application.ports import Broken, Pending
from resale.domain.tenant_restores import RestorableRange, TableSetting, TableState
from resale.errors import Unavailable
from tests.adapters.test_retirement import ACCOUNT, TENANT

AT = datetime(2026, 12, 1, 9, 30, 0, 123456, tzinfo=UTC)
SOURCE, TARGET = "third-orders", "third-orders-r20261201T100000Z"
ARN = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table"
_KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}]


class Stubs:
    """Clients of one account, each with its stub."""

    def __init__(self) -> None:
        session = botocore.session.get_session()
        self._clients: dict[str, Any] = {
            name: session.create_client(name, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s")
            for name in ("dynamodb", "pipes", "sqs")
        }
        self._stubs = {name: Stubber(client) for name, client in self._clients.items()}
        for stub in self._stubs.values():
            stub.activate()
        self.tables = AccountTables(lambda _tenant, service: self._clients[service])

    def add(self, service: str, method: str, response: dict[str, Any], expected: dict[str, Any]) -> None:
        self._stubs[service].add_response(method, response, expected)

    def fail(self, service: str, method: str, code: str) -> None:
        self._stubs[service].add_client_error(method, code)

    def describe(self, table: str, **more: Any) -> None:
        described = {"TableName": table, "TableArn": f"{ARN}/{table}", "TableStatus": "ACTIVE", "KeySchema": _KEYS}
        self.add("dynamodb", "describe_table", {"Table": {**described, **more}}, {"TableName": table})

    def describe_settings(self, table: str, *, ttl: str | None, tags: list[Any], recovery: str, **more: Any) -> None:
        self.describe(table, **more)
        described = {"TimeToLiveDescription": {} if ttl is None else {"AttributeName": ttl}}
        self.add("dynamodb", "describe_time_to_live", described, {"TableName": table})
        self.add("dynamodb", "list_tags_of_resource", {"Tags": tags}, {"ResourceArn": f"{ARN}/{table}"})
        self.describe_recovery(table, recovery)

    def describe_recovery(self, table: str, status: str, **more: Any) -> None:
        recovery = {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": status, **more},
        }
        response = {"ContinuousBackupsDescription": recovery}
        self.add("dynamodb", "describe_continuous_backups", response, {"TableName": table})

    def check(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def stubs() -> Stubs:
    return Stubs()


class TestRecovery:
    def test_a_table_is_restored_to_the_second_under_another_name(self, stubs: Stubs) -> None:
        expected = {
            "SourceTableName": SOURCE,
            "TargetTableName": TARGET,
            "RestoreDateTime": AT.replace(microsecond=0),
            "UseLatestRestorableTime": False,
        }
        stubs.add("dynamodb", "restore_table_to_point_in_time", {}, expected)
        stubs.tables.restore(TENANT, SOURCE, TARGET, at=AT)
        assert stubs.tables.moment_of(TENANT, AT) == AT.replace(microsecond=0)
        stubs.check()

    def test_the_range_is_that_of_recovery_and_none_where_it_is_off(self, stubs: Stubs) -> None:
        earliest, latest = AT.replace(day=1), AT
        stubs.describe_recovery(SOURCE, "ENABLED", EarliestRestorableDateTime=earliest, LatestRestorableDateTime=latest)
        assert stubs.tables.find_range(TENANT, SOURCE) == RestorableRange(earliest, latest)
        stubs.describe_recovery(SOURCE, "DISABLED")
        assert stubs.tables.find_range(TENANT, SOURCE) is None

    def test_a_table_is_there_when_it_is_active(self, stubs: Stubs) -> None:
        stubs.fail("dynamodb", "describe_table", "ResourceNotFoundException")
        stubs.describe(TARGET, TableStatus="CREATING")
        stubs.describe(TARGET)
        found = [stubs.tables.find(TENANT, TARGET) for _ in range(3)]
        assert found == [None, TableState.CREATING, TableState.ACTIVE]
        stubs.fail("dynamodb", "describe_table", "AccessDeniedException")
        with pytest.raises(Unavailable, match="AccessDeniedException"):
            stubs.tables.find(TENANT, TARGET)


class TestSettings:
    def test_what_a_restore_leaves_out_is_found_and_set(self, stubs: Stubs) -> None:
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        tags = [{"Key": "tenant", "Value": "third"}, {"Key": "aws:cloudformation:stack-name", "Value": "data"}]

        def source() -> None:
            stubs.describe_settings(
                SOURCE,
                ttl="expires_at",
                tags=tags,
                recovery="ENABLED",
                StreamSpecification=stream,
                DeletionProtectionEnabled=True,
            )

        source()
        stubs.describe_settings(TARGET, ttl=None, tags=[], recovery="DISABLED")
        assert stubs.tables.find_missing_settings(TENANT, SOURCE, TARGET) == tuple(TableSetting)
        requests: dict[TableSetting, tuple[str, dict[str, Any]]] = {
            TableSetting.STREAM: ("update_table", {"StreamSpecification": stream}),
            TableSetting.DELETION_PROTECTION: ("update_table", {"DeletionProtectionEnabled": True}),
            TableSetting.TIME_TO_LIVE: (
                "update_time_to_live",
                {"TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True}},
            ),
            TableSetting.RECOVERY: (
                "update_continuous_backups",
                {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
            ),
        }
        for setting, (method, expected) in requests.items():
            source()
            stubs.add("dynamodb", method, {}, {"TableName": TARGET, **expected})
            stubs.tables.apply_setting(TENANT, SOURCE, TARGET, setting)
        source()
        stubs.describe(TARGET)
        stubs.add(
            "dynamodb", "tag_resource", {}, {"ResourceArn": f"{ARN}/{TARGET}", "Tags": tags[:1]}
        )  # AWS's own cannot be set
        stubs.tables.apply_setting(TENANT, SOURCE, TARGET, TableSetting.TAGS)
        stubs.check()

    def test_an_index_that_is_missing_or_not_active_is_a_fault(self, stubs: Stubs) -> None:
        index = {"IndexName": "due", "KeySchema": _KEYS, "Projection": {"ProjectionType": "KEYS_ONLY"}}
        stubs.describe(SOURCE, GlobalSecondaryIndexes=[index])
        stubs.describe(TARGET)
        assert stubs.tables.find_index_faults(TENANT, SOURCE, TARGET) == (
            f"{TARGET} has another set of indexes than {SOURCE}",
        )
        stubs.describe(SOURCE, GlobalSecondaryIndexes=[index])
        stubs.describe(TARGET, GlobalSecondaryIndexes=[{**index, "IndexStatus": "CREATING"}])
        assert stubs.tables.find_index_faults(TENANT, SOURCE, TARGET) == (f"the index due of {TARGET} is CREATING",)


class TestChanges:
    def test_the_pipe_of_a_restored_table_does_what_its_predecessor_does(self, stubs: Stubs) -> None:
        pipe = pipe_of("third-orders", "RUNNING")
        list_pipes(stubs, SOURCE, pipe)
        stubs.describe(TARGET, LatestStreamArn=f"{ARN}/{TARGET}/stream/2026")
        expected = {
            "Name": "third-orders-r20261201T100000Z",
            "Source": f"{ARN}/{TARGET}/stream/2026",
            "DesiredState": "RUNNING",
            "RoleArn": pipe["RoleArn"],
            "Target": pipe["Target"],
            "SourceParameters": pipe["SourceParameters"],
            "Tags": pipe["Tags"],
        }
        stubs.add("pipes", "create_pipe", {}, expected)
        made = stubs.tables.carry_changes(TENANT, {SOURCE: TARGET}, generation="r20261201T100000Z")
        assert made == ("third-orders-r20261201T100000Z",)
        stubs.check()

    def test_one_that_was_made_before_an_interruption_is_taken(self, stubs: Stubs) -> None:
        list_pipes(stubs, TARGET, pipe_of("third-orders-r20261130T100000Z", "RUNNING"))
        stubs.describe(SOURCE, LatestStreamArn=f"{ARN}/{SOURCE}/stream/2026")
        stubs.fail("pipes", "create_pipe", "ConflictException")
        made = stubs.tables.carry_changes(TENANT, {TARGET: SOURCE}, generation="r20261201T100000Z")
        assert made == ("third-orders-r20261201T100000Z",)

    def test_the_former_pipes_stop_and_their_changes_are_dropped(self, stubs: Stubs) -> None:
        tenant = msgspec.structs.replace(
            TENANT, resources=msgspec.structs.replace(TENANT.resources, pipes_dlq_url="https://sqs/pipes-dlq")
        )
        list_pipes(stubs, SOURCE, pipe_of("third-orders", "RUNNING"))
        stubs.add("pipes", "stop_pipe", {}, {"Name": "third-orders"})
        assert not stubs.tables.retire_changes(tenant, (SOURCE,))  # it takes a while
        list_pipes(stubs, SOURCE, pipe_of("third-orders", "STOPPED"))
        changes = tenant.resources.queues.changes
        stubs.add("sqs", "purge_queue", {}, {"QueueUrl": changes.url})
        stubs.add("sqs", "purge_queue", {}, {"QueueUrl": changes.dlq_url})
        stubs.fail("sqs", "purge_queue", "AWS.SimpleQueueService.PurgeQueueInProgress")
        assert stubs.tables.retire_changes(tenant, (SOURCE,))
        stubs.check()

    def test_a_new_pipe_is_awaited_and_a_broken_one_reported(self, stubs: Stubs) -> None:
        found = []
        for state in ("CREATING", "CREATE_FAILED", "RUNNING"):
            list_pipes(stubs, TARGET, {**pipe_of("third-orders-r1", "RUNNING"), "CurrentState": state})
            found.append(stubs.tables.find_delay(TENANT, (TARGET,)))
        assert found == [
            Pending("the Pipe third-orders-r1 is CREATING"),
            Broken("The Pipe third-orders-r1 is CREATE_FAILED: no reason is given."),
            None,
        ]

    def test_a_former_table_denies_writes_to_the_platforms_role_alone(self, stubs: Stubs) -> None:
        statement = {
            "Sid": "ClosedToWrites",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"],
            "Resource": f"{ARN}/{SOURCE}",
            "Condition": {"ArnEquals": {"aws:PrincipalArn": TENANT.resources.access_role_arn}},
        }
        policy = msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
        stubs.describe(SOURCE)
        stubs.add("dynamodb", "put_resource_policy", {}, {"ResourceArn": f"{ARN}/{SOURCE}", "Policy": policy})
        assert stubs.tables.close_table(TENANT, SOURCE)
        stubs.describe(SOURCE)
        stubs.fail("dynamodb", "put_resource_policy", "UnknownOperationException")
        assert not stubs.tables.close_table(TENANT, SOURCE)


def pipe_of(name: str, state: str) -> dict[str, Any]:
    return {
        "Name": name,
        "DesiredState": state,
        "CurrentState": state,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/pipes",
        "Target": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:third-changes",
        "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 10}},
        "Tags": {"tenant": "third"},
    }


def list_pipes(stubs: Stubs, table: str, pipe: dict[str, Any]) -> None:
    stubs.describe(table)
    listed = {"Pipes": [{"Name": pipe["Name"]}]}
    stubs.add("pipes", "list_pipes", listed, {"SourcePrefix": f"{ARN}/{table}/stream/"})
    stubs.add("pipes", "describe_pipe", pipe, {"Name": pipe["Name"]})
