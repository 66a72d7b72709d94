"""Whoever calls AWS in the isolation tests, and what counts as being refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from deploy.local.provisioning.platform import AccessKey
from resale.domain.tenants import Tenant

REFUSED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "KMS.AccessDeniedException", "403"}
_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


@dataclass(frozen=True)
class Caller:
    """Credentials, and the engine they are shown to."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None
    aws_url: str

    def client(self, service: str, region: str) -> Any:
        """A client of one service in one region."""
        return _client(self, service, region)


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()  # shared: it keeps the services' descriptions, which cost more than the calls


@cache
def _client(caller: Caller, service: str, region: str) -> Any:
    return _session().client(  # type: ignore[call-overload]  # the service is a parameter here
        service,
        region_name=region,
        endpoint_url=caller.aws_url,
        aws_access_key_id=caller.access_key_id,
        aws_secret_access_key=caller.secret_access_key,
        aws_session_token=caller.session_token,
        config=_CONFIG,
    )


def root(account_id: str, aws_url: str) -> Caller:
    """The engine's unchecked root of an account: arranges, never asserts."""
    return Caller(account_id, "unchecked", None, aws_url)


def user(key: AccessKey, aws_url: str) -> Caller:
    """A user by their key."""
    return Caller(key.access_key_id, key.secret_access_key, None, aws_url)


def assume(caller: Caller, role_arn: str, region: str, *, external_id: str | None, tags: Mapping[str, str]) -> Caller:
    """Assume a role."""
    arguments: dict[str, Any] = {} if external_id is None else {"ExternalId": external_id}
    if tags:
        arguments["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    response = caller.client("sts", region).assume_role(RoleArn=role_arn, RoleSessionName="test", **arguments)
    given = response["Credentials"]
    return Caller(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], caller.aws_url)


def session_of(tenant: Tenant, platform: Caller) -> Caller:
    """The session that the platform uses for a tenant."""
    return assume(
        platform,
        tenant.resources.access_role_arn,
        tenant.region,
        external_id=tenant.external_id,
        tags={"tenant": tenant.slug},
    )


def code_of(call: Any) -> str:
    """Make a call and return its error code, or "allowed"."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"


def queue_urls(tenant: Tenant) -> Sequence[str]:
    """Every queue of a tenant, dead letters too."""
    queues = (tenant.resources.queues.changes, tenant.resources.queues.orders, tenant.resources.queues.images)
    return (*(url for queue in queues for url in (queue.url, queue.dlq_url)), tenant.resources.pipes_dlq_url)


def table_names(tenant: Tenant) -> Mapping[str, str]:
    """Every table of a tenant by purpose."""
    tables = tenant.resources.tables
    return {purpose: getattr(tables, purpose) for purpose in tables.__struct_fields__}


def secret_name(tenant: Tenant) -> str:
    """A secret of a tenant."""
    return f"{tenant.slug}/isolation"
