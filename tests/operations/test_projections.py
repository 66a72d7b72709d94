"""What a list asks of an index is what the template projects into it: AWS refuses more, and no local engine does."""

import pytest
import yaml

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.pages import PUBLIC, SEALED
from tests.fixtures.provisioned import TEMPLATES


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as plain values."""


_LOADER = _Loader
_LOADER.add_multi_constructor("!", lambda _loader, _suffix, node: getattr(node, "value", None))

ASKED = [
    ("ListingsTable", keys.LISTINGS_BY_MARKET, PUBLIC),
    ("ListingsTable", keys.LISTINGS_BY_PRODUCT, PUBLIC),
    ("ListingsTable", keys.LISTINGS_BY_SELLER, SEALED),
    ("ListingsTable", keys.LISTINGS_BY_REVIEW, SEALED),
    ("OrdersTable", keys.ORDERS_BY_BUYER, SEALED),
    ("OrdersTable", keys.ORDERS_BY_SELLER, SEALED),
    ("OrdersTable", keys.ORDERS_RECENT, SEALED),
]


@pytest.mark.parametrize(("table", "index", "asked"), ASKED, ids=lambda value: getattr(value, "name", None))
def test_an_index_holds_what_its_list_asks_for(table: str, index: keys.Index, asked: tuple[str, ...]) -> None:
    template = yaml.load((TEMPLATES / "data.yaml").read_text(), Loader=_LOADER)  # noqa: S506 - a SafeLoader
    indexes = template["Resources"][table]["Properties"]["GlobalSecondaryIndexes"]
    (found,) = [each for each in indexes if each["IndexName"] == index.name]
    held = {"pk", "sk", index.partition, index.sort, *found["Projection"]["NonKeyAttributes"]}
    assert set(asked) <= held


def test_ciphertext_is_in_no_public_index() -> None:
    assert "private" not in PUBLIC
