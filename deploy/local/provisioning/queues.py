"""Queues with their dead letters, and queue policies."""

import json
from typing import TYPE_CHECKING, Any

from deploy.local.provisioning.concessions import for_loopback
from deploy.local.provisioning.connections import RootAccount
from deploy.local.provisioning.shapes import Spec, Tag, read_spec
from deploy.local.provisioning.templates import Applied, Template

if TYPE_CHECKING:  # the stubs are not installed where the platform runs
    from mypy_boto3_sqs.literals import QueueAttributeNameType


class RedriveSpec(Spec, rename="camel"):
    """The redrive policy of a queue."""

    dead_letter_target_arn: str
    max_receive_count: int


class QueueSpec(Spec):
    """AWS::SQS::Queue; times in seconds."""

    queue_name: str
    message_retention_period: int
    maximum_message_size: int
    sqs_managed_sse_enabled: bool
    visibility_timeout: int | None = None
    receive_message_wait_time_seconds: int | None = None
    redrive_policy: RedriveSpec | None = None
    tags: tuple[Tag, ...] = ()

    def attributes(self) -> "dict[QueueAttributeNameType, str]":
        """Return the attributes of the queue for SQS."""
        numbers: dict[QueueAttributeNameType, int | None] = {
            "MessageRetentionPeriod": self.message_retention_period,
            "MaximumMessageSize": self.maximum_message_size,
            "VisibilityTimeout": self.visibility_timeout,
            "ReceiveMessageWaitTimeSeconds": self.receive_message_wait_time_seconds,
        }
        written: dict[QueueAttributeNameType, str] = {
            name: str(number) for name, number in numbers.items() if number is not None
        }
        written["SqsManagedSseEnabled"] = str(self.sqs_managed_sse_enabled).lower()
        if self.redrive_policy is not None:
            written["RedrivePolicy"] = json.dumps(
                {
                    "deadLetterTargetArn": self.redrive_policy.dead_letter_target_arn,
                    "maxReceiveCount": self.redrive_policy.max_receive_count,
                }
            )
        return written


class QueuePolicySpec(Spec):
    """AWS::SQS::QueuePolicy."""

    queues: tuple[str, ...]
    policy_document: dict[str, Any]


def apply_queue(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Create or find a queue, then set its attributes (creating it again with others is an error in SQS)."""
    spec = read_spec(QueueSpec, template.properties(logical_id), logical_id)
    url = _find_or_create(account, spec)
    account.sqs.set_queue_attributes(QueueUrl=url, Attributes=spec.attributes())
    arn = f"arn:aws:sqs:{account.region}:{account.account_id}:{spec.queue_name}"
    return Applied(ref=url, attributes={"Arn": arn, "QueueName": spec.queue_name, "QueueUrl": url})


def apply_queue_policy(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Set the policy of each named queue; a policy without statements is removed."""
    spec = read_spec(QueuePolicySpec, template.properties(logical_id), logical_id)
    policy = for_loopback(spec.policy_document)
    text = json.dumps(policy) if policy["Statement"] else ""
    for url in spec.queues:
        account.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
    return Applied(ref=logical_id)


def _find_or_create(account: RootAccount, spec: QueueSpec) -> str:
    try:
        return account.sqs.get_queue_url(QueueName=spec.queue_name)["QueueUrl"]
    except account.sqs.exceptions.QueueDoesNotExist:
        tags = {tag.key: tag.value for tag in spec.tags}
        return account.sqs.create_queue(QueueName=spec.queue_name, tags=tags)["QueueUrl"]
