"""The platform's own account on the local engines: the user of its processes, and that user's key."""

import json

import msgspec

from deploy.local.provisioning.connections import Endpoints, RootAccount

USER_NAME = "resale-task"
_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "ReachTenants",
            "Effect": "Allow",
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Resource": "arn:aws:iam::*:role/resale-tenant-access-*",
        }
    ],
}


class AccessKey(msgspec.Struct, frozen=True):
    """A key of the platform's user. The caller stores it in a file that only its owner can read."""

    access_key_id: str
    secret_access_key: str


def platform_principal_arn(account_id: str) -> str:
    """Return the user's ARN, which the tenants' roles trust."""
    return f"arn:aws:iam::{account_id}:user/{USER_NAME}"


def ensure_platform_key(*, aws_url: str, account_id: str, region: str, known: AccessKey | None) -> AccessKey:
    """Create or find the user with its permission to assume the tenants' roles; return a valid key.

    Args:
        aws_url: Where ministack listens.
        account_id: The platform's account.
        region: The platform's region.
        known: The key kept from an earlier run; returned when the engine still has it.

    Returns:
        ``known``, or a new key. Keys that nobody holds any more are deleted.
    """
    account = RootAccount(
        account_id=account_id, region=region, endpoints=Endpoints(aws_url=aws_url, dynamodb_url=aws_url)
    )
    _ensure_user(account)
    account.iam.put_user_policy(UserName=USER_NAME, PolicyName="reach-tenants", PolicyDocument=json.dumps(_POLICY))
    there = [key["AccessKeyId"] for key in account.iam.list_access_keys(UserName=USER_NAME)["AccessKeyMetadata"]]
    if known is not None and known.access_key_id in there:
        return known
    for lost in there:
        account.iam.delete_access_key(UserName=USER_NAME, AccessKeyId=lost)
    created = account.iam.create_access_key(UserName=USER_NAME)["AccessKey"]
    return AccessKey(created["AccessKeyId"], created["SecretAccessKey"])


def _ensure_user(account: RootAccount) -> None:
    try:
        account.iam.get_user(UserName=USER_NAME)
    except account.iam.exceptions.NoSuchEntityException:
        account.iam.create_user(UserName=USER_NAME)
