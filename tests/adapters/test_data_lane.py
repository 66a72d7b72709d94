"""The data lane on the real store: what it reads, writes and refuses."""

import uuid
from typing import Any

import pytest

from deploy.local.engines.local import LocalEngines
from resale.adapters.aws.sessions import TenantSessions
from resale.adapters.dynamodb.client import (
    ConditionFailed,
    DynamoDB,
    Item,
    Reason,
    RequestInvalid,
    RequestRefused,
    TransactionCanceled,
    to_wire,
)
from resale.domain.tenants import Tenant
from resale.errors import Unavailable

NEW = "attribute_not_exists(pk)"


def key_of(item: Item) -> Item:
    return {"pk": item["pk"], "sk": item["sk"]}


def put(table: str, item: Item) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": table,
            "Item": to_wire(item),
            "ConditionExpression": NEW,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def listed(number: int, market: str) -> Item:
    pk = f"lst_{uuid.uuid4().hex}"
    return {
        "pk": pk,
        "sk": "listing",
        "version": number,
        "doc": "{}",
        "market_key": market,
        "market_sort": f"{number:06d}",
    }


def put_all(lane: DynamoDB, table: str, items: list[Item]) -> None:
    for item in items:
        lane.put_item(table=table, item=item, condition=None)


class TestSingleItems:
    def test_reads_what_it_wrote(self, lane: DynamoDB, table: str, item: Item) -> None:
        lane.put_item(table=table, item=item, condition=NEW)
        assert lane.get_item(table=table, key=key_of(item)) == item

    def test_reads_only_the_attributes_asked_for(self, lane: DynamoDB, table: str, item: Item) -> None:
        item |= {"status": "active"}  # a reserved word
        lane.put_item(table=table, item=item, condition=None)
        found = lane.get_item(table=table, key=key_of(item), attributes=("status", "version"))
        assert found == {"status": "active", "version": 1}

    def test_gives_none_for_what_is_not_there(self, lane: DynamoDB, table: str, item: Item) -> None:
        assert lane.get_item(table=table, key=key_of(item)) is None

    def test_a_failed_put_carries_the_stored_item(self, lane: DynamoDB, table: str, item: Item) -> None:
        lane.put_item(table=table, item=item, condition=NEW)
        with pytest.raises(ConditionFailed) as failure:
            lane.put_item(table=table, item=item | {"version": 9}, condition=NEW)
        assert failure.value.item == item

    def test_a_failed_put_of_nothing_carries_nothing(self, lane: DynamoDB, table: str, item: Item) -> None:
        with pytest.raises(ConditionFailed) as failure:
            lane.put_item(table=table, item=item, condition="version = :v", values={":v": 1})
        assert failure.value.item is None


class TestQueries:
    def test_pages_an_index_in_both_directions(self, lane: DynamoDB, table: str) -> None:
        market = uuid.uuid4().hex
        items = [listed(number, market) for number in range(5)]
        put_all(lane, table, items)
        query: dict[str, Any] = {
            "table": table,
            "index": "by_market",
            "condition": "market_key = :market",
            "values": {":market": market},
            "attributes": ("version",),
        }
        first, start = lane.query(**query, limit=3, forward=False)
        rest, end = lane.query(**query, limit=3, forward=False, start=start)
        assert [found["version"] for found in first + rest] == [4, 3, 2, 1, 0]
        assert end is None
        everything, _ = lane.query(**query, limit=9, forward=True)
        assert [found["version"] for found in everything] == [0, 1, 2, 3, 4]

    def test_reads_a_partition_consistently(self, lane: DynamoDB, table: str, item: Item) -> None:
        media = item | {"sk": "med_1"}
        put_all(lane, table, [item, media])
        found, _ = lane.query(
            table=table,
            index=None,
            condition="pk = :pk AND begins_with(#sk, :prefix)",
            names={"#sk": "sk"},
            values={":pk": item["pk"], ":prefix": "med_"},
            limit=12,
            forward=True,
            consistent=True,
        )
        assert found == [media]


class TestTransactions:
    def test_write_all(self, lane: DynamoDB, table: str) -> None:
        items = [listed(number, uuid.uuid4().hex) for number in range(3)]
        lane.transact_write([put(table, item) for item in items])
        assert [lane.get_item(table=table, key=key_of(item)) for item in items] == items

    def test_or_nothing_and_say_why_in_order(self, lane: DynamoDB, table: str) -> None:
        there, new = listed(1, uuid.uuid4().hex), listed(2, uuid.uuid4().hex)
        lane.put_item(table=table, item=there, condition=NEW)
        with pytest.raises(TransactionCanceled) as failure:
            lane.transact_write([put(table, new), put(table, there | {"version": 7})])
        nothing, failed = failure.value.reasons
        assert nothing == Reason("None")
        assert (failed.code, failed.item) == ("ConditionalCheckFailed", there)
        assert lane.get_item(table=table, key=key_of(new)) is None


class TestRefusals:
    def test_a_missing_table_is_the_tenants_fault(self, lane: DynamoDB, item: Item) -> None:
        with pytest.raises(RequestRefused) as refusal:
            lane.get_item(table="northwind-nowhere", key=key_of(item))
        assert isinstance(refusal.value, Unavailable)

    def test_a_malformed_request_is_ours(self, lane: DynamoDB, table: str) -> None:
        with pytest.raises(RequestInvalid):
            lane.get_item(table=table, key={"pk": "only half a key"})

    def test_a_denied_table_is_the_tenants_fault(
        self, engines: LocalEngines, open_sessions: Any, tenants: tuple[Tenant, Tenant], item: Item
    ) -> None:
        northwind, atelier = tenants
        # ministack's DynamoDB enforces the role's policy, and there the lane's signature is checked.
        sessions: TenantSessions = open_sessions(dynamodb_endpoints={northwind.account_id: engines.aws_endpoint_url})
        lane = sessions.for_tenant(northwind).dynamodb
        with pytest.raises(RequestRefused, match="AccessDenied"):
            lane.get_item(table=atelier.resources.tables.listings, key=key_of(item))
