"""Lists over several shards: right whatever shard the items fell on, though each is asked for its likely share only."""

import random
import uuid
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from resale.adapters.dynamodb.keys import shard_of
from resale.adapters.identifiers import new_id
from resale.domain.changes import ChangeType
from resale.domain.ids import ListingId
from resale.domain.listings import ListingStatus
from tests.operations.world import World
from tests.unit.builders import NOW, a_listing

SHARDS = 2
TWENTY = 20


def ids_on(shard: int) -> Iterator[ListingId]:
    """New ids that fall on one shard."""
    while True:
        made = ListingId(new_id("lst"))
        if shard_of(made, SHARDS) == shard:
            yield made


def put_on_sale(world: World, shards: list[int]) -> tuple[str, list[str]]:
    """Put a listing on sale for each shard named, newest first; gives their market and ids."""
    market, ids = uuid.uuid4().hex, [ids_on(shard) for shard in range(SHARDS)]
    uow = world.uow()
    made = [next(ids[shard]) for shard in shards]
    for age, listing_id in enumerate(made):
        at = NOW - timedelta(seconds=age)
        listing = msgspec.structs.replace(
            a_listing(), id=listing_id, market=market, status=ListingStatus.ACTIVE, published_at=at
        )
        uow.listings.add(listing, change_type=ChangeType.LISTING_APPROVED)
    uow.commit()
    return market, list(made)


class TestShardedList:
    @pytest.mark.parametrize(
        "shards",
        [
            [0] * 30,
            [0] * 15,
            [0] * 16 + [1] * 14,
            [1] * 3 + [0] * 18 + [1] * 9,
            [0, 1] * 10,
            random.Random(1).choices(range(SHARDS), k=33),  # noqa: S311 - the same each time
        ],
        ids=["all on one", "just a share", "beyond a share", "late ones", "even", "mixed"],
    )
    def test_gives_the_newest_of_all_shards(self, world: World, shards: list[int]) -> None:
        market, made = put_on_sale(world, shards)
        page = world.reader.list_active_listings(market=market, limit=TWENTY, cursor=None)
        assert [document.id for document in page.documents] == made[:TWENTY]

    @pytest.mark.parametrize("limit", [1, 3, 7, TWENTY])
    def test_pages_without_gaps_or_repeats_and_ends(self, world: World, limit: int) -> None:
        market, made = put_on_sale(world, [0] * 17 + [1] * 9 + [0, 1] * 3)
        seen: list[str] = []
        cursor = None
        for _ in range(len(made) // limit + 2):
            page = world.reader.list_active_listings(market=market, limit=limit, cursor=cursor)
            seen += [document.id for document in page.documents]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert cursor is None
        assert seen == made
