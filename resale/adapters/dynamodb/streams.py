"""DynamoDB streams of one tenant's audited tables, read from a position on. Used where no Pipe runs."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from resale.adapters.faults import unavailable_on_fault
from resale.domain.tenants import Tenant

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams.client import DynamoDBStreamsClient

#: Where reading stands: stream and shard → the sequence number last taken.
Positions = dict[str, str]

_BATCH: Final = 1_000  # records a GetRecords gives at most
_encode: Final = msgspec.json.encode


class StreamBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Some records of one shard as the Pipe would put them on the queue, and the position after them."""

    bodies: tuple[str, ...]
    position: Mapping[str, str]


class TenantStreams:
    """The streams of one tenant's audited tables."""

    def __init__(self, tenant: Tenant, client: "DynamoDBStreamsClient") -> None:
        self._tables = (
            tenant.resources.tables.listings,
            tenant.resources.tables.orders,
            tenant.resources.tables.customers,
        )
        self._client = client

    def read(self, positions: Mapping[str, str], *, empty_pages: int = 0) -> Iterator[StreamBatch]:
        """Read everything after ``positions``, oldest first in each shard; an unknown shard from its beginning.

        Args:
            positions: Where reading stands.
            empty_pages: How many empty pages in a row are read on through. DynamoDB gives them before later records
                (API reference, GetRecords); a local engine never does.

        Raises:
            Unavailable: The store did not answer; what was not handed out is read next time.
        """
        for table in self._tables:
            for stream_arn, shard_id in self._shards(table):
                yield from self._read_shard(
                    stream_arn, shard_id, positions.get(f"{stream_arn}/{shard_id}"), empty_pages
                )

    def _shards(self, table: str) -> Iterator[tuple[str, str]]:
        with unavailable_on_fault("DynamoDB Streams"):
            arns = [stream["StreamArn"] for stream in self._client.list_streams(TableName=table)["Streams"]]
        for arn in arns:  # a table has one stream, and those of its last 24 hours: never a page of 100
            page: dict[str, Any] = {}
            while True:
                with unavailable_on_fault("DynamoDB Streams"):
                    described = self._client.describe_stream(StreamArn=arn, **page)["StreamDescription"]
                yield from ((arn, shard["ShardId"]) for shard in described.get("Shards", ()))
                if "LastEvaluatedShardId" not in described:
                    break
                page = {"ExclusiveStartShardId": described["LastEvaluatedShardId"]}

    def _read_shard(self, stream_arn: str, shard_id: str, after: str | None, empty_pages: int) -> Iterator[StreamBatch]:
        iterator, empty = self._open(stream_arn, shard_id, after), 0
        while iterator and empty <= empty_pages:
            with unavailable_on_fault("DynamoDB Streams"):
                answer = self._client.get_records(ShardIterator=iterator, Limit=_BATCH)
            records = answer["Records"]
            empty = 0 if records else empty + 1
            if records:
                last = records[-1]["dynamodb"]["SequenceNumber"]
                bodies = tuple(pipe_message(record, stream_arn) for record in records if _is_audited(record))
                yield StreamBatch(bodies=bodies, position={f"{stream_arn}/{shard_id}": last})
            iterator = answer.get("NextShardIterator", "")

    def _open(self, stream_arn: str, shard_id: str, after: str | None) -> str:
        shard = {"StreamArn": stream_arn, "ShardId": shard_id}
        with unavailable_on_fault("DynamoDB Streams"):
            if after is not None:
                with suppress(self._client.exceptions.TrimmedDataAccessException):  # gone: what is left is all later
                    return self._client.get_shard_iterator(
                        **shard, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=after
                    )["ShardIterator"]
            return self._client.get_shard_iterator(**shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]


def pipe_message(record: Mapping[str, Any], stream_arn: str) -> str:
    """Write a stream record as the Pipe does, without the old image, which no consumer reads."""
    change = record["dynamodb"]
    kept = ("Keys", "NewImage", "SequenceNumber", "SizeBytes", "StreamViewType")
    written_at = change["ApproximateCreationDateTime"].timestamp()  # a number there; boto3 makes a datetime of it
    message = {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record["eventVersion"],
        "eventSource": "aws:dynamodb",
        "awsRegion": record["awsRegion"],
        "dynamodb": {"ApproximateCreationDateTime": written_at}
        | {name: change[name] for name in kept if name in change},
        "eventSourceARN": stream_arn,
    }
    return _encode(message).decode()


def _is_audited(record: Mapping[str, Any]) -> bool:
    return "change" in record["dynamodb"].get("NewImage", {})
