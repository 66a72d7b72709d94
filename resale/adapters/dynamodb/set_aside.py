"""Dead letters of a Pipe: not the record, but its position in the stream."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from resale.adapters.dynamodb.keys import timestamp
from resale.application.ports import RecordUnreadable, StreamRange

_Number = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+$")]


class _Batch(msgspec.Struct, rename="camel"):
    shard_id: str
    start_sequence_number: _Number
    end_sequence_number: _Number
    stream_arn: str
    batch_size: int = 1


class _DeadLetter(msgspec.Struct):
    batch: _Batch = msgspec.field(name="DDBStreamBatchInfo")


_LETTER: Final = msgspec.json.Decoder(_DeadLetter)
_encode: Final = msgspec.json.encode


def stream_range(body: str) -> StreamRange:
    """Parse the position of the records that a Pipe set aside. Raises RecordUnreadable."""
    try:
        batch = _LETTER.decode(body).batch
    except (msgspec.MsgspecError, RecursionError) as error:
        raise RecordUnreadable(f"not a Pipe's dead letter: {type(error).__name__}") from error
    return StreamRange(
        stream_arn=batch.stream_arn,
        shard_id=batch.shard_id,
        first=batch.start_sequence_number,
        last=batch.end_sequence_number,
        count=batch.batch_size,
    )


def pipe_dead_letter(place: StreamRange, *, now: datetime) -> str:
    """Build the dead letter that a Pipe writes for a batch that it set aside.

    Source: Lambda Developer Guide, "Retain discarded batches for a DynamoDB event source": Pipes poll a stream with
    the same pollers and write the same ``DDBStreamBatchInfo``.
    """
    moment = timestamp(now)
    batch: dict[str, Any] = {
        "shardId": place.shard_id,
        "startSequenceNumber": place.first,
        "endSequenceNumber": place.last,
        "approximateArrivalOfFirstRecord": moment,
        "approximateArrivalOfLastRecord": moment,
        "batchSize": place.count,
        "streamArn": place.stream_arn,
    }
    context = {"condition": "RetryAttemptsExhausted"}
    return _encode({"context": context, "version": "1.0", "timestamp": moment, "DDBStreamBatchInfo": batch}).decode()
