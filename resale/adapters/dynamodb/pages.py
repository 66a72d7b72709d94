"""Lists over one or more shards of an index, merged in order, with a position per shard."""

import heapq
from collections.abc import Callable
from typing import Final

import msgspec

from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.cursors import Cursors, Position
from resale.adapters.dynamodb.keys import Index

_ATTRIBUTES: Final = ("pk", "doc", "private", "version")


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One list: a partition per shard of one index, read forward (oldest first) or backward."""

    table: str
    index: Index
    partitions: tuple[str, ...]
    sk: Callable[[str], str]  # the table's own sort key of an item, from its pk
    forward: bool
    attributes: tuple[str, ...] = _ATTRIBUTES


class _Entry(msgspec.Struct, frozen=True):
    sort: str
    shard: int
    item: Item


def read_page(
    db: DynamoDB, query: ListQuery, *, limit: int, cursor: str | None, cursors: Cursors, scope: str
) -> tuple[list[Item], str | None]:
    """Read the next ``limit`` items over all shards.

    Shape: one query a shard that is not done, each for at most ``limit`` items.

    Raises:
        InvalidCursor: The cursor is not of this list.
    """
    bound = f"{scope}|{query.index.name}|{'|'.join(query.partitions)}"
    shards = len(query.partitions)
    starts = cursors.decode(cursor, query=bound, shards=shards) if cursor else (Position(),) * shards
    entries: list[_Entry] = []
    exhausted = []
    for shard, start in enumerate(starts):
        found, more = ([], False) if start.done else _read_shard(db, query, shard, start, limit)
        entries.extend(found)
        exhausted.append(not more)
    taken = _first(entries, limit, forward=query.forward)
    after = _positions(starts, entries, taken, exhausted)
    next_cursor = None if all(position.done for position in after) else cursors.encode(after, query=bound)
    return [entry.item for entry in taken], next_cursor


def _read_shard(db: DynamoDB, query: ListQuery, shard: int, start: Position, limit: int) -> tuple[list[_Entry], bool]:
    index, partition = query.index, query.partitions[shard]
    start_key: Item | None = None
    if start.pk:
        start_key = {"pk": start.pk, "sk": query.sk(start.pk), index.partition: partition, index.sort: start.sort}
    items, last = db.query(
        table=query.table,
        index=index.name,
        condition=f"{index.partition} = :partition",
        values={":partition": partition},
        attributes=(*query.attributes, index.sort),
        limit=limit,
        forward=query.forward,
        start=start_key,
    )
    return [_Entry(str(item[index.sort]), shard, item) for item in items], last is not None


def _first(entries: list[_Entry], limit: int, *, forward: bool) -> list[_Entry]:
    choose = heapq.nsmallest if forward else heapq.nlargest
    return choose(limit, entries, key=lambda entry: entry.sort)


def _positions(
    starts: tuple[Position, ...], entries: list[_Entry], taken: list[_Entry], exhausted: list[bool]
) -> tuple[Position, ...]:
    positions = []
    for shard, start in enumerate(starts):
        mine = [entry for entry in taken if entry.shard == shard]
        read = sum(1 for entry in entries if entry.shard == shard)
        done = start.done or (exhausted[shard] and len(mine) == read)
        last = mine[-1] if mine else None
        positions.append(
            Position(
                sort=last.sort if last else start.sort,
                pk=str(last.item["pk"]) if last else start.pk,
                done=done,
            )
        )
    return tuple(positions)
