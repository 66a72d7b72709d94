"""Lists over one or more shards of an index, merged in order, with a position for each shard."""

import heapq
import math
from collections.abc import Callable
from typing import Final

import msgspec

from resale.adapters.dynamodb.client import DynamoDB, Item
from resale.adapters.dynamodb.cursors import Cursors, Position
from resale.adapters.dynamodb.keys import Index

#: What an index holds beside its keys. Asking for more is refused by AWS, and by no local engine.
PUBLIC: Final = ("pk", "doc", "version")
SEALED: Final = (*PUBLIC, "private")


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A list: a partition for each shard of one index, read forward (oldest first) or backward."""

    table: str
    index: Index
    partitions: tuple[str, ...]
    sk: Callable[[str], str]  # the table's own sort key of an item, from its pk
    forward: bool
    attributes: tuple[str, ...]


class _Entry(msgspec.Struct, frozen=True):
    sort: str
    shard: int
    item: Item


class _Read(msgspec.Struct):
    """The items read from one shard, and the position to continue from."""

    shard: int
    start: Position
    at: Position
    entries: list[_Entry]
    has_more: bool


def read_page(
    db: DynamoDB, query: ListQuery, *, limit: int, cursor: str | None, cursors: Cursors, scope: str
) -> tuple[list[Item], str | None]:
    """Return the next ``limit`` items over all shards, and the cursor after them.

    Shape: one query a shard that is not done, for its likely share of ``limit`` items; a second where it had more.

    Raises:
        InvalidCursor: The cursor is not of this list.
    """
    bound = f"{scope}|{query.table}|{query.index.name}|{'|'.join(query.partitions)}"
    shards = len(query.partitions)
    starts = cursors.decode(cursor, query=bound, shards=shards) if cursor else (Position(),) * shards
    reads = [_Read(number, start, start, [], has_more=not start.done) for number, start in enumerate(starts)]
    share = _likely_share(limit, shards)
    while behind := [read for read in reads if read.has_more and not read.entries]:
        for read in behind:
            _read_on(db, query, read, share)
    taken = _first(reads, limit, forward=query.forward)
    while behind := [read for read in reads if _may_miss(read, taken, limit, forward=query.forward)]:
        for read in behind:
            _read_on(db, query, read, limit)
        taken = _first(reads, limit, forward=query.forward)
    after = _positions(reads, taken)
    next_cursor = None if all(position.done for position in after) else cursors.encode(after, query=bound)
    return [entry.item for entry in taken], next_cursor


def _likely_share(limit: int, shards: int) -> int:
    """Return how many of ``limit`` items one shard has in 49 of 50 pages: its mean and two standard deviations."""
    mean = limit / shards
    return min(limit, math.ceil(mean + 2 * math.sqrt(mean * (1 - 1 / shards))))


def _may_miss(read: _Read, taken: list[_Entry], limit: int, *, forward: bool) -> bool:
    """Return whether an item that a shard has not returned yet could belong to the page."""
    if not read.has_more:
        return False
    if len(taken) < limit:
        return True
    last, end = read.entries[-1].sort, taken[-1].sort
    return last < end if forward else last > end


def _read_on(db: DynamoDB, query: ListQuery, read: _Read, limit: int) -> None:
    index, partition = query.index, query.partitions[read.shard]
    start_key: Item | None = None
    if read.at.pk:
        start_key = {"pk": read.at.pk, "sk": query.sk(read.at.pk), index.partition: partition, index.sort: read.at.sort}
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
    read.entries += [_Entry(str(item[index.sort]), read.shard, item) for item in items]
    read.has_more = last is not None
    if last is not None:
        read.at = Position(sort=str(last[index.sort]), pk=str(last["pk"]))


def _first(reads: list[_Read], limit: int, *, forward: bool) -> list[_Entry]:
    choose = heapq.nsmallest if forward else heapq.nlargest
    return choose(limit, (entry for read in reads for entry in read.entries), key=lambda entry: entry.sort)


def _positions(reads: list[_Read], taken: list[_Entry]) -> tuple[Position, ...]:
    positions = []
    for read in reads:
        mine = [entry for entry in taken if entry.shard == read.shard]
        last = mine[-1] if mine else None
        positions.append(
            Position(
                sort=last.sort if last else read.start.sort,
                pk=str(last.item["pk"]) if last else read.start.pk,
                done=not read.has_more and len(mine) == len(read.entries),
            )
        )
    return tuple(positions)
