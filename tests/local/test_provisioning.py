"""The template as the engines hold it, and a second run that changes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.engines.install import has_dynoxide
from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.concessions import Gap
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.provisioning.platform import AccessKey, ensure_platform_key
from deploy.local.provisioning.shapes import read_spec
from deploy.local.provisioning.sources import TemplateError
from deploy.local.provisioning.tables import TableSpec
from deploy.local.provisioning.templates import Applied, Template
from deploy.local.provisioning.tenants import apply_template, data_template, provision_tenant
from resale.domain.tenants import Tenant
from tests.fixtures.provisioned import PLATFORM_ACCOUNT, PLATFORM_REGION, stack_of
from tests.integration.callers import Caller, queue_urls, root, table_names

Pair = tuple[Tenant, Tenant]


@pytest.fixture(params=[0, 1], ids=["northwind", "atelier"])
def tenant(request: pytest.FixtureRequest, guarded: Pair) -> Tenant:
    return guarded[request.param]


@pytest.fixture
def owner(tenant: Tenant, engines: LocalEngines) -> Caller:
    return root(tenant.account_id, engines.aws_endpoint_url)


def snapshot(owner: Caller, tenant: Tenant) -> dict[str, Any]:
    """Everything that could differ after a second run; identity of keys, users and tables included."""
    sqs, s3 = owner.client("sqs", tenant.region), owner.client("s3", tenant.region)
    iam, kms = owner.client("iam", tenant.region), owner.client("kms", tenant.region)
    dynamodb, bucket = owner.client("dynamodb", tenant.region), tenant.resources.media_bucket
    queues = {url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]) for url in queue_urls(tenant)}
    for response in queues.values():
        response["Attributes"].pop("LastModifiedTimestamp", None)
    role = iam.get_role(RoleName=f"resale-tenant-access-{tenant.region}")["Role"]
    return {
        "queues": {url: response["Attributes"] for url, response in queues.items()},
        "tables": {name: dynamodb.describe_table(TableName=name)["Table"] for name in table_names(tenant).values()},
        "notification": s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"],
        "policy": s3.get_bucket_policy(Bucket=bucket)["Policy"],
        "cors": s3.get_bucket_cors(Bucket=bucket)["CORSRules"],
        "role": (role["RoleId"], role["AssumeRolePolicyDocument"]),
        "keys": [key["KeyId"] for key in kms.list_keys()["Keys"]],
        "aliases": [(alias["AliasName"], alias.get("TargetKeyId")) for alias in kms.list_aliases()["Aliases"]],
    }


class TestProvisionTenant:
    def test_changes_nothing_the_second_time(self, tenant: Tenant, owner: Caller, engines: LocalEngines) -> None:
        before = snapshot(owner, tenant)
        again = provision_tenant(
            stack_of(tenant.slug, tenant.account_id, tenant.region, engines),
            aws_url=engines.aws_endpoint_url,
            dynamodb_url=engines.dynamodb_endpoints[tenant.account_id],
        )
        assert again.resources == tenant.resources
        assert again.outputs["AllowedOrigins"] == ",".join(tenant.allowed_origins)  # what the registry is given
        assert snapshot(owner, tenant) == before

    def test_says_once_what_the_engines_do_not_have(self, tenant: Tenant, engines: LocalEngines) -> None:
        again = provision_tenant(
            stack_of(tenant.slug, tenant.account_id, tenant.region, engines),
            aws_url=engines.aws_endpoint_url,
            dynamodb_url=engines.dynamodb_endpoints[tenant.account_id],
        )
        of_the_other = Gap.STREAM_RESOURCES if has_dynoxide() else Gap.POINT_IN_TIME_RECOVERY
        assert set(again.gaps) == set(Gap) - {of_the_other}

    def test_gives_a_lost_queue_back(self, tenant: Tenant, owner: Caller, engines: LocalEngines) -> None:
        sqs = owner.client("sqs", tenant.region)
        sqs.delete_queue(QueueUrl=tenant.resources.queues.images.url)
        again = provision_tenant(
            stack_of(tenant.slug, tenant.account_id, tenant.region, engines),
            aws_url=engines.aws_endpoint_url,
            dynamodb_url=engines.dynamodb_endpoints[tenant.account_id],
        )
        attributes = sqs.get_queue_attributes(QueueUrl=again.resources.queues.images.url, AttributeNames=["All"])
        assert "RedrivePolicy" in attributes["Attributes"]
        assert "MediaBucketSends" in attributes["Attributes"]["Policy"]


class TestWhatTheEnginesHold:
    def test_tables_have_keys_indexes_streams_and_expiry(self, tenant: Tenant, engines: LocalEngines) -> None:
        template = data_template(stack_of(tenant.slug, tenant.account_id, tenant.region, engines))
        account = account_of(tenant, engines.dynamodb_endpoints[tenant.account_id], engines)
        for spec in table_specs(template, tenant):
            table = account.dynamodb.describe_table(TableName=spec.table_name)["Table"]
            indexes = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", [])}
            assert set(indexes) == {index.index_name for index in spec.global_secondary_indexes}
            for index in spec.global_secondary_indexes:
                found = indexes[index.index_name]["Projection"]
                assert found["ProjectionType"] == index.projection.projection_type
                assert sorted(found.get("NonKeyAttributes", [])) == sorted(index.projection.non_key_attributes)
            is_streaming = table.get("StreamSpecification", {}).get("StreamEnabled", False)
            assert is_streaming == (spec.stream_specification is not None)
        expiry = account.dynamodb.describe_time_to_live(TableName=tenant.resources.tables.idempotency)
        assert expiry["TimeToLiveDescription"]["AttributeName"] == "expires_at"

    def test_tables_are_recoverable_where_the_engine_can(self, tenant: Tenant, owner: Caller) -> None:
        dynamodb = owner.client("dynamodb", tenant.region)
        for name in table_names(tenant).values():
            backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
            is_kept = name != tenant.resources.tables.idempotency
            status = "ENABLED" if is_kept else "DISABLED"
            assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == status
            assert dynamodb.describe_table(TableName=name)["Table"]["SSEDescription"]["SSEType"] == "KMS"

    def test_the_key_can_have_replicas_and_streams_have_both_images(
        self, tenant: Tenant, owner: Caller, engines: LocalEngines
    ) -> None:
        key = owner.client("kms", tenant.region).describe_key(KeyId=tenant.resources.key_arn)["KeyMetadata"]
        assert (key["MultiRegion"], key["KeyId"][:4]) == (True, "mrk-")
        account = account_of(tenant, engines.dynamodb_endpoints[tenant.account_id], engines)
        tables = tenant.resources.tables
        described = [
            account.dynamodb.describe_table(TableName=name)["Table"]["StreamSpecification"]["StreamViewType"]
            for name in (tables.listings, tables.orders, tables.customers)
        ]
        assert described == ["NEW_AND_OLD_IMAGES"] * 3

    def test_queues_hand_over_to_their_dead_letters(self, tenant: Tenant, owner: Caller) -> None:
        sqs, queues = owner.client("sqs", tenant.region), tenant.resources.queues
        for queue in (queues.changes, queues.orders, queues.images):
            held = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
            redrive = json.loads(held["RedrivePolicy"])
            assert redrive["deadLetterTargetArn"].endswith(queue.dlq_url.rsplit("/", 1)[1])
            assert (int(redrive["maxReceiveCount"]), held["VisibilityTimeout"]) == (20, "15")

    def test_the_media_bucket_has_what_the_template_says(self, tenant: Tenant, owner: Caller) -> None:
        s3, bucket = owner.client("s3", tenant.region), tenant.resources.media_bucket
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        (rule,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
        assert rule["AllowedOrigins"] == [f"https://{tenant.slug}.example"]  # no developer's machine: not a sandbox's
        (notice,) = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
        assert notice["QueueArn"].endswith(tenant.resources.queues.images.name)
        lifecycle = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert {rule["ID"] for rule in lifecycle} == {
            "unfinished-uploads",
            "replaced-renditions",
            "pending-photos",
            "originals",
            "retired-photos",
            "evidence",
            "exports",
        }

    def test_an_audit_object_is_locked(self, tenant: Tenant, owner: Caller) -> None:
        s3, bucket = owner.client("s3", tenant.region), tenant.resources.audit_bucket
        lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        assert lock["ObjectLockEnabled"] == "Enabled"
        assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 365}

    def test_policies_are_the_templates_but_for_what_loopback_needs(self, tenant: Tenant, owner: Caller) -> None:
        s3 = owner.client("s3", tenant.region)
        media = json.loads(s3.get_bucket_policy(Bucket=tenant.resources.media_bucket)["Policy"])
        sids = {statement["Sid"] for statement in media["Statement"]}
        assert sids == {"AnyoneReadsRenditions", "LocalFormPosts"}


class TestReading:
    def test_refuses_a_property_it_does_not_know(self, tenant: Tenant, engines: LocalEngines) -> None:
        template = data_template(stack_of(tenant.slug, tenant.account_id, tenant.region, engines))
        (spec, *_) = ({**properties, "Surprise": 1} for properties in table_properties(template, tenant))
        with pytest.raises(TemplateError, match="unknown field `Surprise`"):
            read_spec(TableSpec, spec, "ListingsTable")

    def test_refuses_a_type_it_does_not_know(self, tenant: Tenant, engines: LocalEngines) -> None:
        template = data_template(stack_of(tenant.slug, tenant.account_id, tenant.region, engines))
        template._source = {"Resources": {"Odd": {"Type": "AWS::Odd::Thing"}}}
        with pytest.raises(TemplateError, match="AWS::Odd::Thing is not known"):
            apply_template(account_of(tenant, "http://127.0.0.1:1", engines), template)


class TestEnsurePlatformKey:
    def test_keeps_a_key_that_is_known(self, engines: LocalEngines, platform_key: AccessKey) -> None:
        assert ensure(engines, known=platform_key) == platform_key


def ensure(engines: LocalEngines, known: AccessKey | None) -> AccessKey:
    return ensure_platform_key(
        aws_url=engines.aws_endpoint_url, account_id=PLATFORM_ACCOUNT, region=PLATFORM_REGION, known=known
    )


def account_of(tenant: Tenant, dynamodb_url: str, engines: LocalEngines) -> RootAccount:
    endpoints = Endpoints(aws_url=engines.aws_endpoint_url, dynamodb_url=dynamodb_url)
    return RootAccount(account_id=tenant.account_id, region=tenant.region, endpoints=endpoints)


def table_properties(template: Template, tenant: Tenant) -> Iterator[dict[str, Any]]:
    template.record("Key", Applied("key", {"Arn": tenant.resources.key_arn}))
    for name, kind in template.in_order():
        if kind == "AWS::DynamoDB::GlobalTable":
            yield template.properties(name)


def table_specs(template: Template, tenant: Tenant) -> Iterator[TableSpec]:
    for properties in table_properties(template, tenant):
        yield read_spec(TableSpec, properties, "table")
