"""What the tenant templates promise, whatever applies them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import celery_settings
from deploy.local.onboarding.providers import LOCAL_PARAMETERS
from deploy.local.provisioning.concessions import for_loopback, is_tls_only
from deploy.local.provisioning.sources import TemplateError, read_source
from deploy.local.provisioning.templates import Applied, Template
from resale.domain.tenant_upgrades import TEMPLATE_VERSION
from resale.domain.tenants import Queues, Tables

ROOT = Path(__file__).resolve().parents[2]
DATA = read_source(ROOT / "deploy" / "tenant" / "data.yaml")
ACCESS = read_source(ROOT / "deploy" / "tenant" / "access.yaml")
LIBRARY = ROOT / "resale" / "adapters" / "dynamodb"


def of_type(kind: str, source: Any = DATA) -> dict[str, Any]:
    return {name: body for name, body in source["Resources"].items() if body["Type"] == kind}


def tables() -> dict[str, Any]:
    found = of_type("AWS::DynamoDB::GlobalTable")
    return {name.removesuffix("Table").lower(): body for name, body in found.items()}


def index_names(purpose: str) -> set[str]:
    return {index["IndexName"] for index in tables()[purpose]["Properties"].get("GlobalSecondaryIndexes", [])}


def statements(source: Any) -> Iterator[tuple[str, Any]]:
    """Every statement of an IAM role's own policies."""
    for name, body in of_type("AWS::IAM::Role", source).items():
        for policy in body["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield f"{name}/{policy['PolicyName']}/{statement['Sid']}", statement


def roles(source: Any) -> Iterator[Any]:
    yield from of_type("AWS::IAM::Role", source).values()


def arn_of(resource: Any) -> str:
    return resource["Fn::Sub"] if isinstance(resource, dict) and "Fn::Sub" in resource else str(resource)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_workers_renew_the_visibility_timeout_that_the_queues_have() -> None:
    assert DATA["Parameters"]["VisibilityTimeoutSeconds"]["Default"] == celery_settings.AWS["visibility_seconds"]
    local = LOCAL_PARAMETERS["VisibilityTimeoutSeconds"]
    assert local == str(celery_settings.LOCAL["visibility_seconds"])


class TestTables:
    def test_are_those_of_the_resource_map(self) -> None:
        assert set(tables()) == set(Tables.__struct_fields__)

    @pytest.mark.parametrize("purpose", Tables.__struct_fields__)
    def test_can_be_restored_and_are_never_lost_with_the_stack(self, purpose: str) -> None:
        body = tables()[purpose]
        (replica,) = body["Properties"]["Replicas"]
        assert body["DeletionPolicy"] == body["UpdateReplacePolicy"] == "Retain"
        is_kept = purpose != "idempotency"  # its records last a day
        assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": is_kept}
        assert replica["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}

    @pytest.mark.parametrize("purpose", Tables.__struct_fields__)
    def test_are_encrypted_with_the_tenants_key(self, purpose: str) -> None:
        (replica,) = tables()[purpose]["Properties"]["Replicas"]
        assert replica["SSESpecification"] == {"KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}
        assert tables()[purpose]["Properties"]["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}

    @pytest.mark.parametrize("purpose", Tables.__struct_fields__)
    def test_declare_the_attributes_of_their_keys_and_no_other(self, purpose: str) -> None:
        """DynamoDB refuses anything else; no linter looks at a GlobalTable's."""
        properties = tables()[purpose]["Properties"]
        schemas = [each["KeySchema"] for each in (properties, *properties.get("GlobalSecondaryIndexes", []))]
        keyed = {key["AttributeName"] for schema in schemas for key in schema}
        assert {each["AttributeName"] for each in properties["AttributeDefinitions"]} == keyed

    def test_with_a_stream_have_a_pipe_each(self) -> None:
        streaming = {name for name, body in tables().items() if "StreamSpecification" in body["Properties"]}
        assert streaming == {"listings", "orders", "customers"}
        sources = {body["Properties"]["Source"]["Fn::GetAtt"][0] for body in of_type("AWS::Pipes::Pipe").values()}
        assert sources == {f"{name.capitalize()}Table" for name in streaming}

    def test_have_every_index_that_code_names_and_no_other(self) -> None:
        declared = set().union(*(index_names(purpose) for purpose in tables()))
        code = "\n".join(path.read_text() for path in LIBRARY.glob("*.py"))
        named = {name for name in declared if re.search(rf'"{name}"', code)}
        asked_for = set(re.findall(r'(?:index|INDEX)\w*\s*(?::[^=\n]+)?=\s*"(\w+)"', code))
        assert named == declared
        assert asked_for <= declared


class TestASecondRegion:
    """What AWS lets nobody change later (GlobalTable's StreamSpecification; AWS KMS, multi-Region keys)."""

    def test_finds_both_images_in_every_stream(self) -> None:
        views = {
            body["Properties"]["StreamSpecification"]["StreamViewType"]
            for body in tables().values()
            if "StreamSpecification" in body["Properties"]
        }
        assert views == {"NEW_AND_OLD_IMAGES"}

    def test_can_have_a_replica_of_the_key(self) -> None:
        assert DATA["Resources"]["Key"]["Properties"]["MultiRegion"] is True

    @pytest.mark.parametrize("name", ["MediaBucket", "AuditBucket"])
    def test_finds_no_bucket_of_its_name(self, name: str) -> None:
        bucket = DATA["Resources"][name]["Properties"]["BucketName"]["Fn::Sub"]
        assert {"${AWS::AccountId}", "${AWS::Region}"} <= set(re.findall(r"\$\{[^}]+\}", bucket))
        longest = bucket.replace("${AWS::AccountId}", "1" * 12).replace("${AWS::Region}", "ap-northeast-1")
        assert len(longest) <= 63  # S3 User Guide, bucket naming rules

    def test_finds_no_role_of_its_name(self) -> None:
        named = [body["Properties"].get("RoleName") for each in (DATA, ACCESS) for body in roles(each)]
        assert [name for name in named if name and "${AWS::Region}" not in name["Fn::Sub"]] == []

    def test_has_a_role_that_reaches_its_own_bucket(self) -> None:
        buckets = {DATA["Resources"]["MediaBucket"]["Properties"]["BucketName"]["Fn::Sub"]}
        named = {
            arn for _, each in statements(ACCESS) for arn in map(arn_of, listed(each["Resource"])) if ":s3:::" in arn
        }
        assert {arn.split(":::")[1].split("/")[0] for arn in named} == buckets


class TestPipes:
    @pytest.mark.parametrize("name", of_type("AWS::Pipes::Pipe"))
    def test_carry_only_items_with_a_change_from_the_beginning(self, name: str) -> None:
        properties = of_type("AWS::Pipes::Pipe")[name]["Properties"]
        source = properties["SourceParameters"]
        (carried,) = source["FilterCriteria"]["Filters"]
        assert json.loads(carried["Pattern"]) == {"dynamodb": {"NewImage": {"change": {"S": [{"exists": True}]}}}}
        assert source["DynamoDBStreamParameters"]["StartingPosition"] == "TRIM_HORIZON"
        assert properties["Target"] == {"Fn::GetAtt": ["ChangesQueue", "Arn"]}

    @pytest.mark.parametrize("name", of_type("AWS::Pipes::Pipe"))
    def test_give_a_record_up_well_before_the_stream_does(self, name: str) -> None:
        properties = of_type("AWS::Pipes::Pipe")[name]["Properties"]
        source = properties["SourceParameters"]["DynamoDBStreamParameters"]
        assert 0 < source["MaximumRetryAttempts"] <= 100
        assert 0 < source["MaximumRecordAgeInSeconds"] <= 12 * 3600  # half of the stream's day is left to read it again
        assert source["OnPartialBatchItemFailure"] == "AUTOMATIC_BISECT"
        assert source["ParallelizationFactor"] > 1
        assert source["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["PipesDeadLetters", "Arn"]}}
        logs = properties["LogConfiguration"]
        assert (logs["Level"], "IncludeExecutionData" in logs) == ("ERROR", False)

    def test_may_write_to_their_dead_letters(self) -> None:
        (policy,) = DATA["Resources"]["PipesRole"]["Properties"]["Policies"]
        sent_to = [
            statement["Resource"]["Fn::GetAtt"][0]
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Action"] == "sqs:SendMessage"
        ]
        assert sent_to == ["ChangesQueue", "PipesDeadLetters"]


class TestSetAsideAlarm:
    def test_counts_what_the_sweep_hides_as_well(self) -> None:
        """The sweep hides what it cannot send for a whole period: of visible messages alone the alarm would flap."""
        alarm = DATA["Resources"]["SetAsideAlarm"]["Properties"]
        metrics = {each["Id"]: each for each in alarm["Metrics"]}
        (expression,) = [each["Expression"] for each in metrics.values() if each["ReturnData"]]
        summed = [metrics[name]["MetricStat"]["Metric"] for name in expression.split(" + ")]
        names = [metric["MetricName"] for metric in summed]
        assert names == ["ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"]
        (queue,) = {metric["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for metric in summed}
        assert queue == "PipesDeadLetters"

    @pytest.mark.parametrize("topic", ["", "arn:aws:sns:eu-west-2:111111111111:on-call"])
    def test_tells_the_topic_that_is_named(self, topic: str) -> None:
        template = data(AlarmTopicArn=topic)
        template.record("PipesDeadLetters", Applied("u", {"QueueName": "northwind-pipes-dlq"}))
        properties = template.properties("SetAsideAlarm")
        told = [properties.get(name, []) for name in ("AlarmActions", "OKActions")]
        assert told == ([[topic], [topic]] if topic else [[], []])


class TestQueues:
    def test_are_those_of_the_resource_map_each_with_its_dead_letters(self) -> None:
        queues = of_type("AWS::SQS::Queue")
        work = {name: body for name, body in queues.items() if "RedrivePolicy" in body["Properties"]}
        assert set(work) == {f"{purpose.capitalize()}Queue" for purpose in Queues.__struct_fields__}
        for name, body in work.items():
            dead_letters = name.replace("Queue", "DeadLetters")
            redrive = body["Properties"]["RedrivePolicy"]
            assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [dead_letters, "Arn"]}
            assert redrive["maxReceiveCount"] == {"Ref": "MaxReceiveCount"}
            queues.pop(dead_letters)
        assert queues.pop("PipesDeadLetters")
        assert queues == work

    def test_take_what_sqs_takes_and_keep_it_shorter_than_their_dead_letters(self) -> None:
        """A message that is moved keeps its first timestamp, so equal times would leave it no day to be looked at."""
        kept = {name: body["Properties"]["MessageRetentionPeriod"] for name, body in of_type("AWS::SQS::Queue").items()}
        for name, seconds in kept.items():
            if name.endswith("Queue"):
                assert seconds <= kept[name.replace("Queue", "DeadLetters")] - 4 * 86_400
        assert {body["Properties"]["MaximumMessageSize"] for body in of_type("AWS::SQS::Queue").values()} == {2**20}

    def test_refuse_plain_http_each(self) -> None:
        policies = of_type("AWS::SQS::QueuePolicy").values()
        guarded = [ref["Ref"] for body in policies for ref in body["Properties"]["Queues"]]
        assert sorted(guarded) == sorted(of_type("AWS::SQS::Queue"))
        for body in policies:
            assert any(is_tls_only(each) for each in body["Properties"]["PolicyDocument"]["Statement"])


class TestBuckets:
    @pytest.mark.parametrize("name", ["MediaBucket", "AuditBucket"])
    def test_are_kept_versioned_encrypted_and_refuse_plain_http(self, name: str) -> None:
        body = DATA["Resources"][name]
        assert body["DeletionPolicy"] == body["UpdateReplacePolicy"] == "Retain"
        assert body["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
        (rule,) = body["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": ["Key", "Arn"]}
        policy = DATA["Resources"][f"{name}Policy"]["Properties"]["PolicyDocument"]
        assert any(is_tls_only(each) for each in policy["Statement"])

    @pytest.mark.parametrize(("sandbox", "mode"), [("false", "COMPLIANCE"), ("true", "GOVERNANCE")])
    def test_of_a_sandbox_can_be_emptied(self, sandbox: str, mode: str) -> None:
        template = data(Sandbox=sandbox)
        template.record("Key", Applied("k", {"Arn": "arn:aws:kms:eu-west-2:111111111111:key/k"}))
        lock = template.properties("AuditBucket")["ObjectLockConfiguration"]
        assert lock["Rule"]["DefaultRetention"]["Mode"] == mode

    def test_are_public_in_nothing_but_renditions_and_only_where_asked(self) -> None:
        for condition, sids in (("", {"TLSOnly"}), ("http://localhost:1", {"TLSOnly", "AnyoneReadsRenditions"})):
            template = data(PublicMediaOrigin=condition)
            template.record("MediaBucket", Applied("b", {"Arn": "arn:aws:s3:::b"}))
            policy = template.properties("MediaBucketPolicy")["PolicyDocument"]
            assert {each["Sid"] for each in policy["Statement"]} == sids
            allowed = [each["Resource"] for each in policy["Statement"] if each["Effect"] == "Allow"]
            assert allowed in ([], ["arn:aws:s3:::b/renditions/*"])

    def test_keep_what_shoppers_uploaded_for_as_long_as_the_parameters_say(self) -> None:
        rules = DATA["Resources"]["MediaBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
        kept = {rule["Prefix"]: rule.get("ExpirationInDays") for rule in rules if "Prefix" in rule}
        photos, evidence = {"Ref": "PhotoRetentionDays"}, {"Ref": "EvidenceRetentionDays"}
        assert kept == {
            "renditions/": None,
            "originals/": photos,
            "pending/": photos,
            "retired/": photos,
            "evidence/": evidence,
            "exports/": 30,
        }
        (originals,) = (rule for rule in rules if rule.get("Prefix") == "originals/")
        # The version that a slot is pinned to may be noncurrent: a second upload made it so.
        assert originals["NoncurrentVersionExpiration"]["NoncurrentDays"] >= 2


class TestTheAccessRole:
    def test_is_trusted_for_one_principal_external_id_and_tag(self) -> None:
        trust = ACCESS["Resources"]["AccessRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        by_action = {statement["Action"]: statement for statement in trust}
        assert set(by_action) == {"sts:AssumeRole", "sts:TagSession"}
        for statement in trust:
            assert statement["Condition"]["ArnEquals"] == {"aws:PrincipalArn": {"Ref": "PlatformPrincipalArn"}}
            assert statement["Condition"]["StringEquals"]["aws:RequestTag/tenant"] == {"Ref": "TenantSlug"}
        assert by_action["sts:AssumeRole"]["Condition"]["StringEquals"]["sts:ExternalId"] == {"Ref": "ExternalId"}
        assert by_action["sts:TagSession"]["Condition"]["ForAllValues:StringEquals"] == {"aws:TagKeys": ["tenant"]}

    def test_trusts_a_principal_that_was_created_anew(self) -> None:
        """IAM stores a role or user in ``Principal`` by its internal id, an account by its number."""
        template = Template(
            ACCESS,
            account_id="222222222222",
            region="eu-west-2",
            parameters={
                "TenantSlug": "northwind",
                "PlatformPrincipalArn": "arn:aws:iam::111111111111:role/resale-task",
                "ExternalId": "0" * 32,
                "KeyArn": "arn:aws:kms:eu-west-2:222222222222:key/1",
            },
        )
        trust = template.properties("AccessRole")["AssumeRolePolicyDocument"]["Statement"]
        assert [each["Principal"] for each in trust] == [{"AWS": "arn:aws:iam::111111111111:root"}] * 2

    def test_carries_no_tag_that_would_stand_for_the_sessions(self) -> None:
        assert "Tags" not in ACCESS["Resources"]["AccessRole"]["Properties"]

    def test_asks_for_the_sessions_tag_in_every_statement(self) -> None:
        untagged = [
            place
            for place, statement in statements(ACCESS)
            if statement.get("Condition") != {"StringEquals": {"aws:PrincipalTag/tenant": {"Ref": "TenantSlug"}}}
        ]
        assert untagged == []

    @pytest.mark.parametrize("name", ["history", "ledger"])
    def test_may_put_and_query_what_is_append_only_and_nothing_else(self, name: str) -> None:
        touching = [each for _, each in statements(ACCESS) if f"-{name}*" in json.dumps(each["Resource"])]
        assert [each["Action"] for each in touching] == [["dynamodb:PutItem", "dynamodb:Query"]]

    def test_may_neither_scan_nor_delete_items(self) -> None:
        actions = {action for _, each in statements(ACCESS) for action in listed(each["Action"])}
        assert not {
            action for action in actions if re.search(r"Scan|DeleteItem|UpdateItem|Batch|DeleteTable|PartiQL", action)
        }


@pytest.mark.parametrize("source", [DATA, ACCESS], ids=["data", "access"])
class TestRoles:
    def test_have_no_statement_for_every_action(self, source: Any) -> None:
        actions = {action for _, each in statements(source) for action in listed(each["Action"])}
        assert not {action for action in actions if re.fullmatch(r"\*|\w+:\*", action)}

    def test_name_their_resources(self, source: Any) -> None:
        unnamed = {place for place, each in statements(source) if "*" in listed(each["Resource"])}
        assert {place.rpartition("/")[2] for place in unnamed} <= {"ListStreams"}  # that call has no resource to name


class TestForLoopback:
    def test_drops_the_tls_only_statements_of_the_templates_and_nothing_else(self) -> None:
        for body in DATA["Resources"].values():
            policy = body.get("Properties", {}).get("PolicyDocument")
            if policy is not None:
                kept = for_loopback(policy)["Statement"]
                dropped = [each for each in policy["Statement"] if each not in kept]
                assert [each["Sid"] for each in dropped] == ["TLSOnly"]
                assert len(kept) + len(dropped) == len(policy["Statement"])

    @pytest.mark.parametrize(
        "statement",
        [
            {"Effect": "Allow", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"Effect": "Deny"},
            {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"a": "b"}}},
        ],
    )
    def test_keeps_what_only_looks_like_one(self, statement: dict[str, Any]) -> None:
        assert for_loopback({"Statement": [statement]})["Statement"] == [statement]


class TestParameters:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"Nope": "1"}, "no such parameter: Nope"),
            ({"IndexShards": "0"}, "out of its bounds"),
            ({"IndexShards": "many"}, "not a whole number"),
            ({"TenantSlug": "North Wind"}, "does not match"),
            ({"AuditLockMode": "NONE"}, "is none of"),
        ],
    )
    def test_are_checked_against_their_declaration(self, changes: dict[str, str], said: str) -> None:
        with pytest.raises(TemplateError, match=said):
            data(**changes)

    def test_the_version_is_the_one_that_this_release_knows(self) -> None:
        assert DATA["Outputs"]["TemplateVersion"]["Value"] == str(TEMPLATE_VERSION)

    def test_without_a_default_must_be_given(self) -> None:
        with pytest.raises(TemplateError, match="AllowedOrigins has no default"):
            Template(DATA, account_id="1", region="eu-west-2", parameters={"TenantSlug": "northwind"})


def data(**changes: str) -> Template:
    parameters = {"TenantSlug": "northwind", "AllowedOrigins": "https://a.example", **changes}
    return Template(DATA, account_id="111111111111", region="eu-west-2", parameters=parameters)
