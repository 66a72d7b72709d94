"""Provisioning of one tenant's account from the two templates, and the resource map of their outputs."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from deploy.local.provisioning.buckets import apply_bucket, apply_bucket_policy
from deploy.local.provisioning.concessions import LEFT_OUT, Gap, unique
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.provisioning.identity import (
    apply_alias,
    apply_key,
    apply_role,
    apply_topic,
    apply_topic_policy,
)
from deploy.local.provisioning.queues import apply_queue, apply_queue_policy
from deploy.local.provisioning.sources import TemplateError
from deploy.local.provisioning.tables import apply_table
from deploy.local.provisioning.templates import Applied, Template
from resale.adapters.stack_outputs import read_resources
from resale.domain.tenants import Resources

_HANDLERS: Mapping[str, Callable[[RootAccount, Template, str], Applied]] = {
    "AWS::DynamoDB::GlobalTable": apply_table,
    "AWS::IAM::Role": apply_role,
    "AWS::KMS::Alias": apply_alias,
    "AWS::KMS::Key": apply_key,
    "AWS::S3::Bucket": apply_bucket,
    "AWS::S3::BucketPolicy": apply_bucket_policy,
    "AWS::SNS::Topic": apply_topic,
    "AWS::SNS::TopicPolicy": apply_topic_policy,
    "AWS::SQS::Queue": apply_queue,
    "AWS::SQS::QueuePolicy": apply_queue_policy,
}


class Provisioned(msgspec.Struct, frozen=True):
    """The resource map, the raw outputs, and the gaps of the engines."""

    resources: Resources
    outputs: Mapping[str, str]
    gaps: tuple[Gap, ...]


class TenantStack(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant's account with the parameters of its templates.

    ``data_parameters`` go to data.yaml besides ``TenantSlug``; access.yaml gets the slug, ``external_id``,
    ``platform_principal_arn`` and the key of the first.
    """

    slug: str
    account_id: str
    region: str
    external_id: str
    platform_principal_arn: str
    data_parameters: Mapping[str, str]
    template_folder: Path


def provision_tenant(stack: TenantStack, *, aws_url: str, dynamodb_url: str) -> Provisioned:
    """Create or update the resources of data.yaml and access.yaml. Idempotent.

    Args:
        stack: The account and its parameters.
        aws_url: Where ministack listens.
        dynamodb_url: Where the account's DynamoDB engine listens.

    Raises:
        TemplateError: A template cannot be read, or says what the reader does not know.
        botocore.exceptions.ClientError: An engine refused.
    """
    account = RootAccount(
        account_id=stack.account_id,
        region=stack.region,
        endpoints=Endpoints(aws_url=aws_url, dynamodb_url=dynamodb_url),
    )
    outputs = apply_template(account, data_template(stack))
    outputs = {**outputs, **apply_template(account, access_template(stack, key_arn=outputs["KeyArn"]))}
    return Provisioned(resources=read_resources(outputs), outputs=outputs, gaps=unique(account.gaps))


def data_template(stack: TenantStack) -> Template:
    """Read data.yaml with this tenant's parameters."""
    return Template.read(
        stack.template_folder / "data.yaml",
        account_id=stack.account_id,
        region=stack.region,
        parameters={"TenantSlug": stack.slug, **stack.data_parameters},
    )


def access_template(stack: TenantStack, *, key_arn: str) -> Template:
    """Read access.yaml with this tenant's parameters."""
    return Template.read(
        stack.template_folder / "access.yaml",
        account_id=stack.account_id,
        region=stack.region,
        parameters={
            "TenantSlug": stack.slug,
            "PlatformPrincipalArn": stack.platform_principal_arn,
            "ExternalId": stack.external_id,
            "KeyArn": key_arn,
        },
    )


def apply_template(account: RootAccount, template: Template) -> dict[str, str]:
    """Create or find every resource of a template in order; return its outputs.

    Raises:
        TemplateError: A type that is neither known nor on the list of what is left out.
    """
    for logical_id, kind in template.in_order():
        if kind in LEFT_OUT:
            account.note(LEFT_OUT[kind])
            continue
        handler = _HANDLERS.get(kind)
        if handler is None:
            raise TemplateError(f"{logical_id}: {kind} is not known to this reader")
        template.record(logical_id, handler(account, template, logical_id))
    return template.outputs()
