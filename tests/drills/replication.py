"""A stand-in for DynamoDB global tables between two local engines: asynchronous, one way, the last writer wins.

What differs from AWS: one direction at a time (a tenant has one write Region), the order of each table is kept, and
the lag is what it is told to be. As there, items of one transaction arrive one by one, and no write is refused for what
the other side has.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

_PAUSE: Final = 0.2  # seconds between two looks at a stream


class Replicator:
    """Copies the tables of one engine to another: all items first, then each stream record, ``lag`` seconds later."""

    def __init__(self, source: Any, streams: Any, target: Any, tables: Sequence[str], *, lag: float) -> None:
        """Store the clients: DynamoDB and its streams of the source, DynamoDB of the target."""
        self._source, self._streams, self._target = source, streams, target
        self._tables, self._lag = tables, lag
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._follow, args=(table,), name=table) for table in tables]
        self.copied_count = 0

    def start(self) -> None:
        """Copy everything, and follow the streams from then on."""
        for table in self._tables:
            described = self._source.describe_table(TableName=table)["Table"]
            if not described.get("StreamSpecification", {}).get("StreamEnabled"):  # a replica needs one on every table
                stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
                self._source.update_table(TableName=table, StreamSpecification=stream)
        for table in self._tables:
            for page in self._source.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
                for item in page["Items"]:
                    self._target.put_item(TableName=table, Item=item)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop following."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _follow(self, table: str) -> None:
        position: str | None = None
        while not self._stopping.is_set():
            try:
                position = self._copy_new(table, position)
            except (BotoCoreError, ClientError):  # an engine that is busy: the same records again
                self._stopping.wait(1.0)
            self._stopping.wait(_PAUSE)

    def _copy_new(self, table: str, position: str | None) -> str | None:
        (stream,) = self._streams.list_streams(TableName=table)["Streams"]
        (shard,) = self._streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
        begins = {"ShardIteratorType": "TRIM_HORIZON"}
        if position is not None:
            begins = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": position}
        iterator: str | None = self._streams.get_shard_iterator(
            StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], **begins
        )["ShardIterator"]
        while iterator and not self._stopping.is_set():
            read = self._streams.get_records(ShardIterator=iterator, Limit=500)
            if not read["Records"]:
                break
            time.sleep(self._lag)
            for record in read["Records"]:
                self._apply(table, record["dynamodb"])
                position = record["dynamodb"]["SequenceNumber"]
            iterator = read.get("NextShardIterator")
        return position

    def _apply(self, table: str, change: Any) -> None:
        if "NewImage" in change:
            self._target.put_item(TableName=table, Item=change["NewImage"])
        else:
            self._target.delete_item(TableName=table, Key=change["Keys"])
        self.copied_count += 1
