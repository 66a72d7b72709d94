"""Buckets with all their settings, and bucket policies."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from deploy.local.provisioning.concessions import for_loopback, with_form_posts
from deploy.local.provisioning.connections import RootAccount
from deploy.local.provisioning.shapes import Spec, Tag, read_spec, to_api
from deploy.local.provisioning.templates import Applied, Template


class VersioningSpec(Spec):
    """Versioning of a bucket."""

    status: str


class OwnershipRule(Spec):
    """Ownership of uploaded objects."""

    object_ownership: str


class OwnershipSpec(Spec):
    """Ownership rules."""

    rules: tuple[OwnershipRule, ...]


class PublicAccessSpec(Spec):
    """Blocked public access."""

    block_public_acls: bool
    ignore_public_acls: bool
    block_public_policy: bool
    restrict_public_buckets: bool


class DefaultEncryption(Spec):
    """Algorithm and key."""

    sse_algorithm: str = msgspec.field(name="SSEAlgorithm")
    key: str = msgspec.field(name="KMSMasterKeyID")


class EncryptionRule(Spec):
    """Encryption of new objects."""

    bucket_key_enabled: bool
    server_side_encryption_by_default: DefaultEncryption


class EncryptionSpec(Spec):
    """Encryption rules."""

    server_side_encryption_configuration: tuple[EncryptionRule, ...]


class CorsRule(Spec):
    """Origins that can use the bucket."""

    id: str
    allowed_origins: tuple[str, ...]
    allowed_methods: tuple[str, ...]
    allowed_headers: tuple[str, ...]
    exposed_headers: tuple[str, ...]
    max_age: int


class CorsSpec(Spec):
    """CORS rules."""

    cors_rules: tuple[CorsRule, ...]


class AbortUploads(Spec):
    """Abortion of incomplete multipart uploads."""

    days_after_initiation: int


class ExpireVersions(Spec):
    """Expiration of old versions."""

    noncurrent_days: int


class LifecycleRule(Spec):
    """A lifecycle rule."""

    id: str
    status: str
    prefix: str = ""
    expiration_in_days: int | None = None
    abort_incomplete_multipart_upload: AbortUploads | None = None
    noncurrent_version_expiration: ExpireVersions | None = None


class LifecycleSpec(Spec):
    """Lifecycle rules."""

    rules: tuple[LifecycleRule, ...]


class FilterRule(Spec):
    """A prefix or suffix."""

    name: str
    value: str


class KeyFilter(Spec):
    """Filter rules on the key."""

    rules: tuple[FilterRule, ...]


class NotificationFilter(Spec):
    """The objects that send a notification."""

    s3_key: KeyFilter = msgspec.field(name="S3Key")


class QueueNotification(Spec):
    """A notification to a queue."""

    event: str
    queue: str
    filter: NotificationFilter


class NotificationSpec(Spec):
    """All notifications."""

    queue_configurations: tuple[QueueNotification, ...]


class DefaultRetention(Spec):
    """The retention of an object lock."""

    mode: str
    days: int


class LockRule(Spec):
    """The object lock of new objects."""

    default_retention: DefaultRetention


class LockSpec(Spec):
    """Object Lock."""

    object_lock_enabled: str
    rule: LockRule


class BucketSpec(Spec):
    """AWS::S3::Bucket."""

    bucket_name: str
    versioning_configuration: VersioningSpec
    ownership_controls: OwnershipSpec
    public_access_block_configuration: PublicAccessSpec
    bucket_encryption: EncryptionSpec
    object_lock_enabled: bool = False
    object_lock_configuration: LockSpec | None = None
    cors_configuration: CorsSpec | None = None
    lifecycle_configuration: LifecycleSpec | None = None
    notification_configuration: NotificationSpec | None = None
    tags: tuple[Tag, ...] = ()


class BucketPolicySpec(Spec):
    """AWS::S3::BucketPolicy."""

    bucket: str
    policy_document: dict[str, Any]


def apply_bucket(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Create or find a bucket, then set everything that the template declares."""
    spec = read_spec(BucketSpec, template.properties(logical_id), logical_id)
    if not _exists(account, spec.bucket_name):
        _create(account, spec)
    _set_guards(account, spec)
    _set_rules(account, spec)
    _set_notification(account, spec)
    arn = f"arn:aws:s3:::{spec.bucket_name}"
    return Applied(ref=spec.bucket_name, attributes={"Arn": arn})


def apply_bucket_policy(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Set the policy of a bucket; a bucket for form posts gets the statement that ministack needs."""
    spec = read_spec(BucketPolicySpec, template.properties(logical_id), logical_id)
    policy = for_loopback(spec.policy_document)
    if _has_cors(account, spec.bucket):
        policy = with_form_posts(policy, spec.bucket)
    if policy["Statement"]:
        account.s3.put_bucket_policy(Bucket=spec.bucket, Policy=json.dumps(policy))
    else:
        account.s3.delete_bucket_policy(Bucket=spec.bucket)
    return Applied(ref=logical_id)


def _exists(account: RootAccount, bucket: str) -> bool:
    try:
        account.s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        return False
    return True


def _has_cors(account: RootAccount, bucket: str) -> bool:
    try:
        account.s3.get_bucket_cors(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchCORSConfiguration":
            raise
        return False
    return True


def _create(account: RootAccount, spec: BucketSpec) -> None:
    # us-east-1 is the one region that must not be named (S3 API Reference, CreateBucket).
    place: dict[str, Any] = (
        {} if account.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
    )
    account.s3.create_bucket(Bucket=spec.bucket_name, ObjectLockEnabledForBucket=spec.object_lock_enabled, **place)


def _set_guards(account: RootAccount, spec: BucketSpec) -> None:
    bucket = spec.bucket_name
    account.s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=to_api(spec.ownership_controls))
    account.s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration=to_api(spec.public_access_block_configuration)
    )
    account.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=to_api(spec.versioning_configuration))
    account.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=_encryption(spec))
    if spec.object_lock_configuration is not None:
        account.s3.put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration=to_api(spec.object_lock_configuration)
        )


def _set_rules(account: RootAccount, spec: BucketSpec) -> None:
    bucket = spec.bucket_name
    account.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": to_api(spec.tags)})
    if spec.cors_configuration is not None:
        rules = [_cors_rule(rule) for rule in spec.cors_configuration.cors_rules]
        account.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    if spec.lifecycle_configuration is not None:
        lifecycle: Any = [_lifecycle_rule(rule) for rule in spec.lifecycle_configuration.rules]
        account.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": lifecycle})


def _set_notification(account: RootAccount, spec: BucketSpec) -> None:
    if spec.notification_configuration is None:
        return
    wanted = [_notification(entry) for entry in spec.notification_configuration.queue_configurations]
    found = account.s3.get_bucket_notification_configuration(Bucket=spec.bucket_name).get("QueueConfigurations", [])
    if [_without_id(entry) for entry in found] != wanted:  # every setting sends a test message to the queue
        configured: Any = {"QueueConfigurations": wanted}
        account.s3.put_bucket_notification_configuration(Bucket=spec.bucket_name, NotificationConfiguration=configured)


def _encryption(spec: BucketSpec) -> Any:
    return {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": to_api(rule.server_side_encryption_by_default),
                "BucketKeyEnabled": rule.bucket_key_enabled,
            }
            for rule in spec.bucket_encryption.server_side_encryption_configuration
        ]
    }


def _cors_rule(rule: CorsRule) -> Any:
    return {
        "ID": rule.id,
        "AllowedOrigins": list(rule.allowed_origins),
        "AllowedMethods": list(rule.allowed_methods),
        "AllowedHeaders": list(rule.allowed_headers),
        "ExposeHeaders": list(rule.exposed_headers),
        "MaxAgeSeconds": rule.max_age,
    }


def _lifecycle_rule(rule: LifecycleRule) -> dict[str, Any]:
    written: dict[str, Any] = {"ID": rule.id, "Status": rule.status, "Filter": {"Prefix": rule.prefix}}
    if rule.expiration_in_days is not None:
        written["Expiration"] = {"Days": rule.expiration_in_days}
    if rule.abort_incomplete_multipart_upload is not None:
        written["AbortIncompleteMultipartUpload"] = to_api(rule.abort_incomplete_multipart_upload)
    if rule.noncurrent_version_expiration is not None:
        written["NoncurrentVersionExpiration"] = to_api(rule.noncurrent_version_expiration)
    return written


def _notification(entry: QueueNotification) -> dict[str, Any]:
    return {
        "QueueArn": entry.queue,
        "Events": [entry.event],
        "Filter": {"Key": {"FilterRules": to_api(entry.filter.s3_key.rules)}},
    }


def _without_id(entry: Mapping[str, Any]) -> dict[str, Any]:
    rules = [
        {"Name": rule["Name"].lower(), "Value": rule["Value"]}  # AWS answers "Prefix" where "prefix" was set
        for rule in entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    ]
    return {
        "QueueArn": entry["QueueArn"],
        "Events": list(entry["Events"]),
        "Filter": {"Key": {"FilterRules": rules}},
    }
