"""The smoke test of a new tenant account, through the access role and the clients that the service itself uses."""

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

import msgspec
from botocore.exceptions import ClientError

from resale.adapters.aws.credentials import wall_clock
from resale.adapters.aws.roles import RoleAssumer
from resale.adapters.aws.sessions import TenantSession
from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.client import ConditionFailed, Item
from resale.adapters.faults import SessionUnavailable, code_of, unavailable_on_fault
from resale.adapters.sqs.queues import SQSQueues
from resale.domain.tenant_onboarding import SmokeTestFailed
from resale.domain.tenants import Queue, Tenant

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams.client import DynamoDBStreamsClient
    from mypy_boto3_kms.client import KMSClient
    from mypy_boto3_s3.client import S3Client

_NEW: Final = "attribute_not_exists(pk)"
_RECORD_LIFE: Final = timedelta(days=1)
_RECEIVE_SECONDS: Final = 2
_RECEIVE_TRIES: Final = 15  # SQS delivers a message within seconds, not always at the first poll
_VIEW: Final = "NEW_IMAGE"  # what history needs; deploy/tenant/data.yaml asks for both images
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})


class AccountSmokeTest:
    """Implements ``resale.application.ports.SmokeTest``."""

    def __init__(self, session_for: Callable[[Tenant], TenantSession], open_roles: Callable[[], RoleAssumer]) -> None:
        """Store how sessions are opened and roles assumed; nothing connects."""
        self._session_for = session_for
        self._open_roles = open_roles

    def run(
        self, tenant: Tenant, *, sentinel: str, other_external_id: str, is_served: bool = False
    ) -> Mapping[str, str]:
        """Test tables, queues, bucket, key, streams and the trust of the role."""
        session = self._session_for(tenant)
        _test_table(session, sentinel)
        for queue in _queues_of(tenant):
            _test_queue(SQSQueues(session), queue, None if is_served else sentinel)
        _test_bucket(session, sentinel)
        _test_key(session)
        _test_streams(session)
        self._test_trust(tenant, other_external_id)
        return {
            "table": tenant.resources.tables.idempotency,
            "queues": " ".join(queue.name for queue in _queues_of(tenant)),
            "bucket": tenant.resources.media_bucket,
            "streams": " ".join(_streaming(tenant)),
            "refused": "another external id",
        }

    def _test_trust(self, tenant: Tenant, other_external_id: str) -> None:
        intruder = msgspec.structs.replace(tenant, external_id=other_external_id)
        try:
            with closing(self._open_roles()) as roles:
                roles.assume(intruder)
        except SessionUnavailable as refusal:
            cause = refusal.__cause__
            if isinstance(cause, ClientError) and code_of(cause) in _DENIED:
                return
            raise
        raise SmokeTestFailed(
            f"The role {tenant.resources.access_role_arn} accepts another tenant's external id. Correct the trust "
            "policy of access.yaml before this account stores anything."
        )


def _queues_of(tenant: Tenant) -> tuple[Queue, ...]:
    queues = tenant.resources.queues
    return (queues.changes, queues.orders, queues.images)


def _streaming(tenant: Tenant) -> tuple[str, ...]:
    tables = tenant.resources.tables
    return (tables.listings, tables.orders, tables.customers)


def _test_table(session: TenantSession, sentinel: str) -> None:
    """Write a record that must be new, read it, and be refused the second time. It expires within a day."""
    table, key = session.tenant.resources.tables.idempotency, keys.smoke_key(sentinel)
    expires_at = int((wall_clock() + _RECORD_LIFE).timestamp())
    item: Item = {**key, "expires_at": expires_at}
    with suppress(ConditionFailed):  # an interrupted run wrote it
        session.dynamodb.put_item(table=table, item=item, condition=_NEW)
    if session.dynamodb.get_item(table=table, key=dict(key)) is None:
        raise SmokeTestFailed(f"The table {table} does not return the record that was written to it.")
    try:
        session.dynamodb.put_item(table=table, item=item, condition=_NEW)
    except ConditionFailed:
        return
    raise SmokeTestFailed(f"The table {table} accepts a record twice that must be new.")


def _test_queue(queues: SQSQueues, queue: Queue, sentinel: str | None) -> None:
    """Send a canary, receive it and delete it. None: workers poll the queue, so that it is only looked at."""
    if sentinel is None:
        queues.count(queue.url)
        queues.count(queue.dlq_url)
        return
    if queues.send(queue.url, [sentinel]):
        raise SmokeTestFailed(f"The queue {queue.name} refuses messages.")
    for _ in range(_RECEIVE_TRIES):
        received = queues.receive(queue.url, wait_seconds=_RECEIVE_SECONDS)
        queues.delete(queue.url, [message.handle for message in received])
        if any(message.body == sentinel for message in received):
            return
    raise SmokeTestFailed(f"The queue {queue.name} does not deliver the message that was sent to it.")


def _test_bucket(session: TenantSession, sentinel: str) -> None:
    bucket, key, body = session.tenant.resources.media_bucket, f"pending/{sentinel}", sentinel.encode()
    s3 = cast("S3Client", session.client("s3"))
    with unavailable_on_fault("S3"):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        stored = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        s3.delete_object(Bucket=bucket, Key=key)
    if stored != body:
        raise SmokeTestFailed(f"The bucket {bucket} does not return the object that was stored in it.")


def _test_key(session: TenantSession) -> None:
    kms = cast("KMSClient", session.client("kms"))
    with unavailable_on_fault("KMS"):
        created = kms.generate_data_key(KeyId=session.tenant.resources.key_arn, KeySpec="AES_256")
        opened = kms.decrypt(CiphertextBlob=created["CiphertextBlob"], KeyId=session.tenant.resources.key_arn)
    if opened["Plaintext"] != created["Plaintext"]:
        raise SmokeTestFailed("The tenant's key does not decrypt the data key that it encrypted.")


def _test_streams(session: TenantSession) -> None:
    client = cast("DynamoDBStreamsClient", session.client("dynamodbstreams"))
    for table in _streaming(session.tenant):
        with unavailable_on_fault("DynamoDB Streams"):
            arns = [stream["StreamArn"] for stream in client.list_streams(TableName=table)["Streams"]]
            described = [client.describe_stream(StreamArn=arn)["StreamDescription"] for arn in arns]
        if not any(_is_on(each.get("StreamStatus"), each.get("StreamViewType")) for each in described):
            raise SmokeTestFailed(f"The table {table} has no stream with {_VIEW}, so its changes reach no history.")


def _is_on(status: str | None, view: str | None) -> bool:
    return status in {"ENABLED", "ENABLING"} and view in {_VIEW, "NEW_AND_OLD_IMAGES"}
