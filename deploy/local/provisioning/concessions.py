"""Differences between the local engines and AWS. All of them are here; nothing else of a template is left out."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

Statement = Mapping[str, Any]


class Gap(StrEnum):
    """A feature that an engine does not have; the value is the message that is printed once."""

    PIPES = "EventBridge Pipes deliver nothing here; the relay carries changes to the queue"
    ALARMS = "CloudWatch has no alarms and no Pipes' logs here; left out"
    PARAMETERS = "nothing here reads the parameters that a tenant's account stores for later stacks; left out"
    POINT_IN_TIME_RECOVERY = "dynoxide has no point-in-time recovery; left out"
    STREAM_RESOURCES = "ministack does not see which stream a call names; a role may read all streams of its account"


#: Resource types that are not made, and why.
LEFT_OUT: Mapping[str, Gap] = {
    "AWS::CloudWatch::Alarm": Gap.ALARMS,
    "AWS::Logs::LogGroup": Gap.ALARMS,
    "AWS::Pipes::Pipe": Gap.PIPES,
    "AWS::SSM::Parameter": Gap.PARAMETERS,
}

_UNKNOWN_OPERATION = "UnknownOperationException"  # dynoxide 1.2.1's response to an operation it does not have
#: What reads one stream. ministack 1.5.33 takes a DynamoDB call's resource from its TableName alone, and these calls
#: have none: it asks the policy for "*", which no statement about streams allows (core/iam_actions.py there).
_STREAM_ACTIONS = frozenset({"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"})
_TLS_ONLY_CONDITION = {"Bool": {"aws:SecureTransport": "false"}}
# ministack 1.5.33 looks a form POST's account up by its access key and finds none for a session's, so it judges the
# bucket's policy as if account 0 asked. The form's signature, token and the role's right are still checked after it.
_FORM_POST_PRINCIPAL = "arn:aws:iam::000000000000:root"


def attempt(gap: Gap, call: Callable[[], object]) -> Gap | None:
    """Make a call that an engine may not support; any other failure is raised.

    Returns:
        The gap, when the engine has it.
    """
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != _UNKNOWN_OPERATION:
            raise
        return gap
    return None


def is_tls_only(statement: Statement) -> bool:
    """Return whether a statement only refuses plain HTTP, which would block all requests on loopback."""
    return statement.get("Effect") == "Deny" and statement.get("Condition") == _TLS_ONLY_CONDITION


def for_loopback(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy without its TLS-only statements."""
    return {**policy, "Statement": [each for each in policy["Statement"] if not is_tls_only(each)]}


def with_streams(policy: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the policy with which ministack's DynamoDB lets a role read streams; None if it allows no such call.

    Only the resource is widened, to the account's own streams: ministack looks for a stream in the caller's account.
    """
    statements = [
        {**each, "Sid": f"Local{each['Sid']}", "Resource": "*"}
        for each in policy["Statement"]
        if each["Effect"] == "Allow" and _STREAM_ACTIONS & set(each["Action"])
    ]
    return {**policy, "Statement": [*policy["Statement"], *statements]} if statements else None


def with_form_posts(policy: Mapping[str, Any], bucket: str) -> dict[str, Any]:
    """Return a bucket policy with which ministack checks form posts by a session's key.

    It names the bucket and not its objects, so it opens none.
    """
    statement = {
        "Sid": "LocalFormPosts",
        "Effect": "Allow",
        "Principal": {"AWS": _FORM_POST_PRINCIPAL},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    return {**policy, "Statement": [*policy["Statement"], statement]}


def unique(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """Return each gap once, in order."""
    return tuple(dict.fromkeys(gaps))
