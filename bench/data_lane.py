"""CPU of DynamoDB clients, one process each, in interleaved rounds: the figures of docs/decisions/0003-data-lane.md.

    python bench/data_lane.py
    python bench/data_lane.py --pydynox /path/of/a/venv/bin/python     # a venv with pydynox 1.8.0; not ours

Items are as ours: six short attributes and a document of 1 KB. Native values in and out.
"""
# ruff: noqa: D102 - the protocol Client says what each method does

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

ACCOUNT, REGION, TABLE = "111111111111", "eu-west-2", "bench-listings"
ACCESS_KEY, SECRET = "ASIAEXAMPLEEXAMPLE00", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00"
TOKEN = "FwoGZXIvYXdzE" * 60  # as long as STS's
ITEM_COUNT, MARKET_SIZE = 400, 20
OPERATIONS = ("get", "query 20", "put", "transact 3")
NEW = "attribute_not_exists(pk)"
Item = dict[str, Any]


def make_item(number: int, prefix: str = "lst") -> Item:
    """Build one listing as the repositories store it."""
    doc = {
        "schema": 1,
        "id": f"{prefix}_{number:032x}",
        "title": f"Rain jacket {number}",
        "description": "Worn for one season, no stains, both pockets close. " * 14,
        "product": "sku-4711",
        "condition": "good",
        "price": {"amount": 4200 + number, "currency": "GBP"},
        "created_at": "2026-11-21T10:00:00.000000Z",
    }
    return {
        "pk": f"{prefix}_{number:032x}",
        "sk": "listing",
        "version": 1,
        "status": "active",
        "market_key": f"{prefix}#{number // MARKET_SIZE}",
        "market_sort": f"2026-11-21#{number:06d}",
        "doc": json.dumps(doc),
    }


def key_of(number: int) -> Item:
    """Return the key of a seeded item."""
    return {"pk": f"lst_{number % ITEM_COUNT:032x}", "sk": "listing"}


def market_of(number: int) -> str:
    """Return the partition of twenty seeded items."""
    return f"lst#{number % (ITEM_COUNT // MARKET_SIZE)}"


class Client(Protocol):
    """Interface of the compared clients."""

    def get(self, number: int) -> Item:
        """Read one item."""

    def query(self, number: int) -> list[Item]:
        """Read twenty items of an index."""

    def put(self, item: Item) -> None:
        """Write one item under a condition."""

    def transact(self, items: list[Item]) -> None:
        """Write items in one transaction under conditions."""


class Resource:
    """boto3's resource, which most code uses."""

    def __init__(self, url: str) -> None:
        import boto3  # noqa: PLC0415 - each process loads only the client it measures

        self._resource = boto3.resource(
            "dynamodb",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET,
            aws_session_token=TOKEN,
        )
        self._table: Any = self._resource.Table(TABLE)

    def get(self, number: int) -> Item:
        found: Item = self._table.get_item(Key=key_of(number))["Item"]
        return found

    def query(self, number: int) -> list[Item]:
        found: list[Item] = self._table.query(
            IndexName="by_market",
            KeyConditionExpression="market_key = :market",
            ExpressionAttributeValues={":market": market_of(number)},
            Limit=MARKET_SIZE,
            ScanIndexForward=False,
        )["Items"]
        return found

    def put(self, item: Item) -> None:
        self._table.put_item(Item=item, ConditionExpression=NEW)

    def transact(self, items: list[Item]) -> None:
        actions: Any = [{"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": NEW}} for item in items]
        self._resource.meta.client.transact_write_items(TransactItems=actions)


class TunedClient:
    """boto3's client without validation and with its own codec: the fastest that its settings permit."""

    def __init__(self, url: str) -> None:
        import boto3  # noqa: PLC0415 - as above
        from boto3.dynamodb.types import TypeDeserializer, TypeSerializer  # noqa: PLC0415 - as above
        from botocore.config import Config  # noqa: PLC0415 - as above

        self._client: Any = boto3.client(
            "dynamodb",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET,
            aws_session_token=TOKEN,
            config=Config(parameter_validation=False, tcp_keepalive=True, disable_request_compression=True),
        )
        self._write, self._read = TypeSerializer().serialize, TypeDeserializer().deserialize

    def get(self, number: int) -> Item:
        return self._native(self._client.get_item(TableName=TABLE, Key=self._wire(key_of(number)))["Item"])

    def query(self, number: int) -> list[Item]:
        response = self._client.query(
            TableName=TABLE,
            IndexName="by_market",
            KeyConditionExpression="market_key = :market",
            ExpressionAttributeValues={":market": {"S": market_of(number)}},
            Limit=MARKET_SIZE,
            ScanIndexForward=False,
        )
        return [self._native(item) for item in response["Items"]]

    def put(self, item: Item) -> None:
        self._client.put_item(TableName=TABLE, Item=self._wire(item), ConditionExpression=NEW)

    def transact(self, items: list[Item]) -> None:
        puts = [{"TableName": TABLE, "Item": self._wire(item), "ConditionExpression": NEW} for item in items]
        self._client.transact_write_items(TransactItems=[{"Put": put} for put in puts])

    def _wire(self, item: Item) -> Item:
        return {name: self._write(value) for name, value in item.items()}

    def _native(self, item: Item) -> Item:
        return {name: self._read(value) for name, value in item.items()}


class Pydynox:
    """pydynox: the Rust SDK with a Python API."""

    def __init__(self, url: str) -> None:
        import pydynox  # type: ignore[import-not-found]  # noqa: PLC0415 - in a venv of its own

        self._client = pydynox.DynamoDBClient(
            region=REGION, access_key=ACCESS_KEY, secret_key=SECRET, session_token=TOKEN, endpoint_url=url
        )

    def get(self, number: int) -> Item:
        return dict(self._client.sync_get_item(TABLE, key_of(number)))

    def query(self, number: int) -> list[Item]:
        found = self._client.sync_query(
            TABLE,
            key_condition_expression="#market = :market",
            expression_attribute_names={"#market": "market_key"},
            expression_attribute_values={":market": market_of(number)},
            index_name="by_market",
            limit=MARKET_SIZE,
            scan_index_forward=False,
        )
        items = []
        for item in found:  # it would go on to the next page by itself
            items.append(item)
            if len(items) == MARKET_SIZE:
                break
        return items

    def put(self, item: Item) -> None:
        self._client.sync_put_item(TABLE, item)

    def transact(self, items: list[Item]) -> None:
        self._client.sync_transact_write([{"type": "put", "table": TABLE, "item": item} for item in items])


class Lane:
    """The data lane of this project."""

    def __init__(self, url: str) -> None:
        from botocore.credentials import ReadOnlyCredentials  # noqa: PLC0415 - as above

        from resale.adapters.dynamodb.client import DynamoDB, to_wire  # noqa: PLC0415 - as above
        from resale.adapters.dynamodb.http_connections import ConnectionPool  # noqa: PLC0415 - as above

        frozen = ReadOnlyCredentials(ACCESS_KEY, SECRET, TOKEN, ACCOUNT)

        class Fixed:
            def credentials(self) -> ReadOnlyCredentials:
                return frozen

            def expire(self) -> None:
                raise AssertionError("a fixed key was refused")

        pool = ConnectionPool(url, connect_timeout_seconds=2.0, read_timeout_seconds=5.0)
        self._lane = DynamoDB(pool, region=REGION, credentials=Fixed())
        self._wire = to_wire

    def get(self, number: int) -> Item:
        return self._lane.get_item(table=TABLE, key=key_of(number)) or {}

    def query(self, number: int) -> list[Item]:
        return self._lane.query(
            table=TABLE,
            index="by_market",
            condition="market_key = :market",
            values={":market": market_of(number)},
            limit=MARKET_SIZE,
            forward=False,
        )[0]

    def put(self, item: Item) -> None:
        self._lane.put_item(table=TABLE, item=item, condition=NEW)

    def transact(self, items: list[Item]) -> None:
        puts = [{"TableName": TABLE, "Item": self._wire(item), "ConditionExpression": NEW} for item in items]
        self._lane.transact_write([{"Put": put} for put in puts])


CLIENTS: Mapping[str, Callable[[str], Client]] = {
    "boto3 resource": Resource,
    "boto3 client, tuned": TunedClient,
    "pydynox": Pydynox,
    "data lane": Lane,
}


def serve(name: str, url: str) -> None:
    """Measure one client: read lines of operation and count, print CPU milliseconds per operation."""
    client = CLIENTS[name](url)
    found, items = client.get(3), client.query(3)
    assert found == make_item(3), found  # noqa: S101 - a benchmark of a wrong response is none
    assert len(items) == MARKET_SIZE, len(items)  # noqa: S101 - as above
    prefix, written = f"w{list(CLIENTS).index(name)}", 0
    print("ready", flush=True)
    for line in sys.stdin:
        operation, _, count = line.strip().rpartition(" ")
        rounds = int(count)
        batches = [[make_item(written + 3 * i + j, prefix) for j in range(3)] for i in range(rounds)]
        written += 3 * rounds
        started_at = time.process_time()
        for number in range(rounds):
            run(client, operation, number, batches[number])
        print((time.process_time() - started_at) / rounds * 1000, flush=True)


def run(client: Client, operation: str, number: int, items: list[Item]) -> None:
    """Run one operation."""
    if operation == "get":
        client.get(number)
    elif operation == "query 20":
        client.query(number)
    elif operation == "put":
        client.put(items[0])
    else:
        client.transact(items)


def seed(url: str) -> None:
    """Create the table and its items."""
    import boto3  # noqa: PLC0415 - the processes that measure do not load it

    client = boto3.client(
        "dynamodb", endpoint_url=url, region_name=REGION, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET
    )
    names = ("pk", "sk", "market_key", "market_sort")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_market",
                "KeySchema": [
                    {"AttributeName": "market_key", "KeyType": "HASH"},
                    {"AttributeName": "market_sort", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    lane = Lane(url)
    for number in range(ITEM_COUNT):
        lane.put(make_item(number))


def measure(url: str, *, pydynox: str | None, rounds: int, count: int) -> dict[str, dict[str, list[float]]]:
    """Run every client in each round; return the milliseconds of each round by client and operation."""
    pythons = {name: sys.executable for name in CLIENTS if name != "pydynox"}
    if pydynox is not None:
        pythons["pydynox"] = pydynox
    children = {name: _start(python, name, url) for name, python in pythons.items()}
    figures: dict[str, dict[str, list[float]]] = {name: {op: [] for op in OPERATIONS} for name in pythons}
    for number, operation, name in itertools.product(range(rounds + 1), OPERATIONS, children):
        taken = float(_respond(children[name], f"{operation} {count}"))
        if number:  # the first round warms up
            figures[name][operation].append(taken)
    for child in children.values():
        child.communicate()
    return figures


def _start(python: str, name: str, url: str) -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [python, __file__, "--serve", name, "--url", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if _respond(child) != "ready":
        raise SystemExit(f"{name} did not start")
    return child


def _respond(child: "subprocess.Popen[str]", line: str | None = None) -> str:
    assert child.stdin is not None  # noqa: S101 - opened above; for the type checker
    assert child.stdout is not None  # noqa: S101 - same
    if line is not None:
        child.stdin.write(line + "\n")
        child.stdin.flush()
    return child.stdout.readline().strip()


def main() -> None:
    """Start an engine, measure, print."""
    options = argparse.ArgumentParser()
    options.add_argument("--pydynox", help="python of a venv with pydynox")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--count", type=int, default=150)
    options.add_argument("--serve", help=argparse.SUPPRESS)
    options.add_argument("--url", help=argparse.SUPPRESS)
    given = options.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    if given.serve:
        serve(given.serve, given.url)
        return
    from deploy.local.engines.local import LocalEngines  # noqa: PLC0415 - needs the path above

    with tempfile.TemporaryDirectory() as folder, LocalEngines(Path(folder), (ACCOUNT,)) as engines:
        url = engines.dynamodb_endpoints[ACCOUNT]
        seed(url)
        figures = measure(url, pydynox=given.pydynox, rounds=given.rounds, count=given.count)
    print(
        f"client CPU, ms per operation: median of {given.rounds} rounds of {given.count}, the best round, and how many"
    )
    print("times cheaper than boto3's resource (by the medians)")
    print(f"{'':22}" + "".join(f"{operation:>24}" for operation in OPERATIONS))
    for name, row in figures.items():
        print(f"{name:22}" + "".join(f"{_cell(row[op], figures['boto3 resource'][op]):>24}" for op in OPERATIONS))


def _cell(taken: list[float], base: list[float]) -> str:
    median = statistics.median(taken)
    return f"{median:.3f} / {min(taken):.3f} {statistics.median(base) / median:5.1f}x"


if __name__ == "__main__":
    main()
