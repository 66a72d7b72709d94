"""The bounds of one commit: they are refused before anything is sent."""

import pytest

from resale.adapters.dynamodb.buffer import MAX_ITEM_BYTES, MAX_TRANSACTION_ITEMS, TooLarge, Write, commit
from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.errors import Conflict, Outcome


def refusal(_: Item | None) -> Outcome:
    return Conflict()


def write(number: int, size_bytes: int) -> Write:
    item: Item = {"pk": f"lst_{number}", "sk": "listing", "doc": "x" * size_bytes}
    return Write(
        table="listings",
        item=item,
        expected_version=None,
        refused=refusal,
        contended=refusal,
        mark="txn_1",
        rank=1,
    )


@pytest.mark.parametrize(
    ("count", "size_bytes"), [(1, MAX_ITEM_BYTES), (MAX_TRANSACTION_ITEMS + 1, 10), (45, 95 * 1024)]
)
def test_more_than_a_transaction_holds_is_refused_unsent(count: int, size_bytes: int, lane: DynamoDB) -> None:
    with pytest.raises(TooLarge):
        commit(lane, [write(number, size_bytes) for number in range(count)])
