"""The tenant's key with its alias, roles, and the topic with its policy."""

import json
from typing import Any

from botocore.exceptions import ClientError

from deploy.local.provisioning.concessions import Gap, for_loopback, with_streams
from deploy.local.provisioning.connections import RootAccount
from deploy.local.provisioning.shapes import Spec, Tag, read_spec
from deploy.local.provisioning.sources import TemplateError
from deploy.local.provisioning.templates import Applied, Template


class KeySpec(Spec):
    """AWS::KMS::Key."""

    description: str
    enable_key_rotation: bool
    key_policy: dict[str, Any]
    multi_region: bool = False
    rotation_period_in_days: int = 365
    tags: tuple[Tag, ...] = ()


class AliasSpec(Spec):
    """AWS::KMS::Alias."""

    alias_name: str
    target_key_id: str


class InlinePolicy(Spec):
    """A policy that belongs to one role."""

    policy_name: str
    policy_document: dict[str, Any]


class RoleSpec(Spec):
    """AWS::IAM::Role."""

    description: str
    assume_role_policy_document: dict[str, Any]
    policies: tuple[InlinePolicy, ...]
    role_name: str | None = None
    max_session_duration: int = 3600


class TopicSpec(Spec):
    """AWS::SNS::Topic."""

    topic_name: str
    kms_master_key_id: str
    tags: tuple[Tag, ...] = ()


class TopicPolicySpec(Spec):
    """AWS::SNS::TopicPolicy."""

    topics: tuple[str, ...]
    policy_document: dict[str, Any]


def apply_key(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Find the key by its alias, or create one: a second key could not decrypt data of the first.

    Raises:
        TemplateError: The template gives the key no alias, so it could not be found again.
    """
    spec = read_spec(KeySpec, template.properties(logical_id), logical_id)
    alias = template.alias_of(logical_id)
    if alias is None:
        raise TemplateError(f"{logical_id}: a key needs an alias here, to be found again")
    key_id = _find_key(account, alias) or _create_key(account, spec)
    account.kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(spec.key_policy))
    if spec.enable_key_rotation:
        account.kms.enable_key_rotation(KeyId=key_id)
    arn = account.kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    return Applied(ref=key_id, attributes={"Arn": arn, "KeyId": key_id})


def apply_alias(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Create the alias of a key."""
    spec = read_spec(AliasSpec, template.properties(logical_id), logical_id)
    if _find_key(account, spec.alias_name) is None:
        account.kms.create_alias(AliasName=spec.alias_name, TargetKeyId=spec.target_key_id)
    return Applied(ref=spec.alias_name)


def apply_role(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Create or find a role, then set its trust policy and its policies to those of the template."""
    spec = read_spec(RoleSpec, template.properties(logical_id), logical_id)
    name = spec.role_name or f"resale-{logical_id}"
    arn = _find_role(account, name) or _create_role(account, name, spec)
    account.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(spec.assume_role_policy_document))
    account.iam.update_role(RoleName=name, Description=spec.description, MaxSessionDuration=spec.max_session_duration)
    _set_policies(account, name, spec)
    return Applied(ref=name, attributes={"Arn": arn})


def apply_topic(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Create or find a topic, then set its key."""
    spec = read_spec(TopicSpec, template.properties(logical_id), logical_id)
    arn = account.sns.create_topic(Name=spec.topic_name)["TopicArn"]
    account.sns.set_topic_attributes(
        TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=spec.kms_master_key_id
    )
    return Applied(ref=arn, attributes={"TopicArn": arn, "TopicName": spec.topic_name})


def apply_topic_policy(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Set a topic's policy; without a remaining statement, the topic keeps its default (the account can publish)."""
    spec = read_spec(TopicPolicySpec, template.properties(logical_id), logical_id)
    policy = for_loopback(spec.policy_document)
    if policy["Statement"]:
        for arn in spec.topics:
            account.sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy))
    return Applied(ref=logical_id)


def _find_key(account: RootAccount, alias: str) -> str | None:
    try:
        return account.kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    except account.kms.exceptions.NotFoundException:
        return None


def _create_key(account: RootAccount, spec: KeySpec) -> str:
    created = account.kms.create_key(
        Description=spec.description,
        Policy=json.dumps(spec.key_policy),
        MultiRegion=spec.multi_region,
        Tags=[{"TagKey": tag.key, "TagValue": tag.value} for tag in spec.tags],
    )
    return created["KeyMetadata"]["KeyId"]


def _find_role(account: RootAccount, name: str) -> str | None:
    try:
        return account.iam.get_role(RoleName=name)["Role"]["Arn"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return None


def _create_role(account: RootAccount, name: str, spec: RoleSpec) -> str:
    trust = json.dumps(spec.assume_role_policy_document)
    return account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]


def _set_policies(account: RootAccount, name: str, spec: RoleSpec) -> None:
    for policy in spec.policies:
        document = json.dumps(_for_engine(account, policy.policy_document))
        account.iam.put_role_policy(RoleName=name, PolicyName=policy.policy_name, PolicyDocument=document)
    there = set(account.iam.list_role_policies(RoleName=name)["PolicyNames"])
    for gone in there - {policy.policy_name for policy in spec.policies}:
        account.iam.delete_role_policy(RoleName=name, PolicyName=gone)


def _for_engine(account: RootAccount, document: dict[str, Any]) -> dict[str, Any]:
    widened = with_streams(document) if account.has_stand_in else None
    if widened is None:
        return document
    account.note(Gap.STREAM_RESOURCES)
    return widened
