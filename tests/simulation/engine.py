"""A DynamoDB engine of a run's own: dynoxide in memory, with the tables that the templates describe; gone with the run.

Each run starts with empty tables and its own streams, so nothing of one run is seen by another. Its data lane and its
streams are the real ones; only the way to the streams is a plain socket, for boto3 takes longer than all of the rest.
"""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from resale.adapters.dynamodb.http_connections import ConnectionPool
from resale.adapters.dynamodb.streams import TenantStreams
from resale.domain.tenants import Tenant

_READY_SECONDS = 10.0
#: dynoxide checks no signature, and no request without one.
_SIGNED = "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-2/dynamodb/aws4_request, SignedHeaders=host, Signature=x"
_HEAD = (
    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
    f"Authorization: {_SIGNED}\r\nX-Amz-Date: 20260101T000000Z\r\n"
)
_LANE = "DynamoDB_20120810"
_STREAMS = "DynamoDBStreams_20120810"


class Engine:
    """One engine that answers, spoken to without an SDK."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pool = ConnectionPool(url, connect_timeout_seconds=5, read_timeout_seconds=30)

    def call(self, operation: str, request: object, *, service: str = _LANE) -> Any:
        body = msgspec.json.encode(request)
        head = f"{_HEAD}X-Amz-Target: {service}.{operation}\r\nContent-Length: {len(body)}\r\n\r\n"
        response = self.pool.send(head.encode() + body)
        assert response.status == 200, f"{operation}: {response.body!r}"
        return msgspec.json.decode(response.body)

    def scan(self, table: str) -> list[dict[str, Any]]:
        """Read everything that lies in a table, in DynamoDB's wire form."""
        items: list[dict[str, Any]] = []
        request: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
        while True:
            response = self.call("Scan", request)
            items.extend(response["Items"])
            if "LastEvaluatedKey" not in response:
                return items
            request["ExclusiveStartKey"] = response["LastEvaluatedKey"]

    def close(self) -> None:
        self.pool.close()


class StreamsClient:
    """The four calls that reading a stream takes. Streams and shards of the engine stay what they are, so are kept.

    ``moved`` says of a table whether it is worth looking: the relay of one machine watches the engine's file as well.
    """

    def __init__(self, engine: Engine, moved: Callable[[str], bool]) -> None:
        self._engine, self._moved = engine, moved
        self._kept: dict[str, Any] = {}

    def list_streams(self, **request: Any) -> Any:
        return self._keep("ListStreams", request) if self._moved(request["TableName"]) else {"Streams": []}

    def describe_stream(self, **request: Any) -> Any:
        return self._keep("DescribeStream", request)

    def get_shard_iterator(self, **request: Any) -> Any:
        return self._engine.call("GetShardIterator", request, service=_STREAMS)

    def get_records(self, **request: Any) -> Any:
        response = self._engine.call("GetRecords", request, service=_STREAMS)
        for record in response["Records"]:
            change = record["dynamodb"]
            change["ApproximateCreationDateTime"] = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC)
        return response

    def _keep(self, operation: str, request: dict[str, Any]) -> Any:
        key = f"{operation} {sorted(request.items())}"
        if key not in self._kept:
            self._kept[key] = self._engine.call(operation, request, service=_STREAMS)
        return self._kept[key]


def streams_of(engine: Engine, tenant: Tenant, *, moved: Callable[[str], bool]) -> TenantStreams:
    """Open the real reader of streams on an engine."""
    return TenantStreams(tenant, StreamsClient(engine, moved))  # type: ignore[arg-type]  # the four methods it calls


def describe_tables(url: str, tenant: Tenant, file: Path) -> Path:
    """Write down the tables a provisioned tenant has, for engines that begin with the same."""
    engine = Engine(url)
    names = msgspec.structs.astuple(tenant.resources.tables)
    described = [engine.call("DescribeTable", {"TableName": name}) for name in names]
    engine.close()
    file.write_text(json.dumps(described))
    return file


@contextmanager
def running_engine(binary: Path, tables: Path) -> Iterator[Engine]:
    """Start an engine in memory on a free port; it ends with the block."""
    port = _free_port()
    command = [str(binary), "serve", "--host", "127.0.0.1", "--port", str(port), "--schema", str(tables)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            engine = Engine(f"http://127.0.0.1:{port}")
            yield engine
            engine.close()
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    give_up_at = time.monotonic() + _READY_SECONDS
    while time.monotonic() < give_up_at:
        assert process.poll() is None, "the engine ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.002)
        else:
            return
    raise AssertionError("the engine does not respond")
