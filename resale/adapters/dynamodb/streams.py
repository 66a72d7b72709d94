"""DynamoDB streams of one tenant's audited tables, read from a position. Used where no Pipe runs."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from resale.adapters.faults import code_of, unavailable_on_fault
from resale.application.ports import RecordsTrimmed, StreamRange
from resale.domain.tenants import Tenant

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams.client import DynamoDBStreamsClient

#: Where reading stands: stream and shard → the sequence number last taken.
Positions = dict[str, str]

_BATCH: Final = 1_000  # records a GetRecords gives at most
_EMPTY_PAGES: Final = 100  # in a row; DynamoDB may give empty pages before later records
_MESSAGE_BYTES: Final = 1024 * 1024  # SQS API reference, SendMessage
_encode: Final = msgspec.json.encode
#: The records, or their whole shard or stream, are older than 24 hours (API reference, GetShardIterator, GetRecords).
_TRIMMED: Final = frozenset({"ResourceNotFoundException", "TrimmedDataAccessException"})


class StreamBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one shard in the format of the Pipe, and the position after them."""

    bodies: tuple[str, ...]
    position: Mapping[str, str]
    ranges: tuple[StreamRange, ...] = ()  # where each body's record lies


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
        """Read all records after ``positions``, oldest first in each shard; an unknown shard from its start.

        Args:
            positions: Where reading stands.
            empty_pages: How many empty pages in a row are read on through. DynamoDB gives them before later records
                (API reference, GetRecords); a local engine never does.

        Raises:
            Unavailable: The store did not respond; what was not handed out is read next time.
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
                response = self._client.get_records(ShardIterator=iterator, Limit=_BATCH)
            records = response["Records"]
            empty = 0 if records else empty + 1
            if records:
                audited = [record for record in records if _is_audited(record)]
                yield StreamBatch(
                    bodies=tuple(pipe_message(record, stream_arn) for record in audited),
                    position={f"{stream_arn}/{shard_id}": _sequence_number(records[-1])},
                    ranges=tuple(_range_of(record, stream_arn, shard_id) for record in audited),
                )
            iterator = response.get("NextShardIterator", "")

    def read_range(self, wanted: StreamRange) -> tuple[str, ...]:
        """Read the audited records of a range again, as ASCII messages, which every queue accepts.

        Raises:
            RecordsTrimmed: The stream has them no more, or only the later ones.
            Unavailable: The store did not respond.
        """
        records = tuple(self._records_of(wanted))
        if not records or _sequence_number(records[0]) != wanted.first:
            raise RecordsTrimmed(f"{wanted.count} records from {wanted.first} on are no longer in the stream")
        return tuple(in_ascii(pipe_message(record, wanted.stream_arn)) for record in records if _is_audited(record))

    def _records_of(self, wanted: StreamRange) -> Iterator[Mapping[str, Any]]:
        start = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": wanted.first}
        iterator, empty = self._iterator(wanted.stream_arn, wanted.shard_id, start), 0
        while iterator and empty <= _EMPTY_PAGES:
            response = self._page(iterator)
            empty = 0 if response["Records"] else empty + 1
            for record in response["Records"]:
                if int(_sequence_number(record)) > int(wanted.last):
                    return
                yield record
                if _sequence_number(record) == wanted.last:
                    return
            iterator = response.get("NextShardIterator", "")

    def _open(self, stream_arn: str, shard_id: str, after: str | None) -> str:
        shard = {"StreamArn": stream_arn, "ShardId": shard_id}
        with unavailable_on_fault("DynamoDB Streams"):
            if after is not None:
                try:
                    return self._client.get_shard_iterator(
                        **shard, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=after
                    )["ShardIterator"]
                except ClientError as error:
                    if code_of(error) != "TrimmedDataAccessException":  # that one is gone: what is left is all later
                        raise
            return self._client.get_shard_iterator(**shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]

    def _iterator(self, stream_arn: str, shard_id: str, start: dict[str, Any]) -> str:
        with unavailable_on_fault("DynamoDB Streams"), _raise_on_trimmed():
            return self._client.get_shard_iterator(StreamArn=stream_arn, ShardId=shard_id, **start)["ShardIterator"]

    def _page(self, iterator: str) -> Any:
        with unavailable_on_fault("DynamoDB Streams"), _raise_on_trimmed():
            return self._client.get_records(ShardIterator=iterator, Limit=_BATCH)


def pipe_message(record: Mapping[str, Any], stream_arn: str) -> str:
    """Convert a stream record into the Pipe's format, without the old image, which no consumer reads."""
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
    try:
        return _encode(message).decode()
    except UnicodeEncodeError:  # half of a surrogate pair: no UTF-8 has it, escaped JSON does
        return json.dumps(message, separators=(",", ":"), default=_in_base64)


def in_ascii(body: str) -> str:
    """Escape JSON to ASCII, which every queue accepts; unchanged if that would be too long."""
    escaped = json.dumps(json.loads(body), separators=(",", ":"))
    return escaped if len(escaped) <= _MESSAGE_BYTES else body


def _is_audited(record: Mapping[str, Any]) -> bool:
    return "change" in record["dynamodb"].get("NewImage", {})


def _sequence_number(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _range_of(record: Mapping[str, Any], stream_arn: str, shard_id: str) -> StreamRange:
    number = _sequence_number(record)
    return StreamRange(stream_arn=stream_arn, shard_id=shard_id, first=number, last=number)


def _in_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


@contextmanager
def _raise_on_trimmed() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) in _TRIMMED:
            raise RecordsTrimmed(code_of(error)) from error
        raise
