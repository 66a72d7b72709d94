"""Connections to one account of the local engines, with its root key."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
from botocore.config import Config

from deploy.local.provisioning.concessions import Gap

if TYPE_CHECKING:  # the stubs are not installed where the platform runs
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

_SECRET = "unchecked"  # noqa: S105 - ministack takes any secret with a 12-digit key, which is root of that account
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 3},
    s3={"addressing_style": "path"},
)


class Endpoints(msgspec.Struct, frozen=True):
    """Endpoints of an account's engines."""

    aws_url: str
    dynamodb_url: str


class RootAccount:
    """One account and Region with its root key. Clients are created at first use."""

    def __init__(self, *, account_id: str, region: str, endpoints: Endpoints) -> None:
        """Store the endpoints; nothing connects."""
        self.account_id = account_id
        self.region = region
        self.gaps: list[Gap] = []
        self._endpoints = endpoints

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB of the account."""
        return self._session.client("dynamodb", endpoint_url=self._endpoints.dynamodb_url, config=_CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        """SQS of the account."""
        return self._session.client("sqs", **self._arguments)

    @cached_property
    def s3(self) -> "S3Client":
        """S3 of the account."""
        return self._session.client("s3", **self._arguments)

    @cached_property
    def sns(self) -> "SNSClient":
        """SNS of the account."""
        return self._session.client("sns", **self._arguments)

    @cached_property
    def kms(self) -> "KMSClient":
        """KMS of the account."""
        return self._session.client("kms", **self._arguments)

    @cached_property
    def iam(self) -> "IAMClient":
        """IAM of the account."""
        return self._session.client("iam", **self._arguments)

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        """Secrets Manager of the account."""
        return self._session.client("secretsmanager", **self._arguments)

    @property
    def has_stand_in(self) -> bool:
        """Whether ministack replaces dynoxide, and so checks permissions of DynamoDB calls too."""
        return self._endpoints.dynamodb_url == self._endpoints.aws_url

    def note(self, gap: Gap | None) -> None:
        """Record a gap."""
        if gap is not None:
            self.gaps.append(gap)

    @cached_property
    def _session(self) -> boto3.session.Session:
        return boto3.session.Session(
            aws_access_key_id=self.account_id, aws_secret_access_key=_SECRET, region_name=self.region
        )

    @property
    def _arguments(self) -> dict[str, Any]:
        return {"endpoint_url": self._endpoints.aws_url, "config": _CONFIG}
