"""Sessions of boto3 for this account or, by a role, another one."""

from typing import Any

import boto3


def open_session(role_arn: str | None) -> Any:
    """Return a session of the process's own credentials, or of a role that it assumes for an hour."""
    if role_arn is None:
        return boto3.Session()
    found = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="resale-release")["Credentials"]
    return boto3.Session(
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )
