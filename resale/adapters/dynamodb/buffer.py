"""Buffered conditional writes, each with the error of its failed condition, and their single commit."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from resale.adapters.dynamodb.client import ConditionFailed, DynamoDB, Item, Reason, TransactionCanceled, to_wire
from resale.domain.changes import decode_change
from resale.errors import Outcome, Rejected, Unavailable

#: An item above this is a design error (DynamoDB takes 400 KB; a change carries the whole item).
MAX_ITEM_BYTES: Final = 100 * 1024
MAX_TRANSACTION_ITEMS: Final = 100  # DynamoDB Developer Guide, transactions
MAX_TRANSACTION_BYTES: Final = 4_000_000  # the guide's 4 MB, taken as the smaller of its two meanings
_MAX_REVISIONS: Final = 5  # of one commit: others change what was guessed at the same time

_NEW: Final = "attribute_not_exists(pk)"
_SAME_VERSION: Final = "version = :expected"

Refusal = Callable[[Item | None], Outcome]


class TooLarge(Rejected):
    """The record would exceed the size of one item."""

    code = "record_too_large"
    title = "Record too large"
    default_detail = "The object would become larger than 100 KB. Send shorter texts or fewer entries."


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """A put with a condition. ``mark`` (change id or transaction id) identifies a stored item as this write."""

    table: str
    item: Item
    expected_version: int | None  # None: there must be no such item
    refused: Refusal
    contended: Refusal
    mark: str
    same: str | None = None  # or: one whose attribute of this name has the same value, which is written over
    was: tuple[str, str] | None = None  # or: one whose attribute has this value, which is guessed, not read
    revise: "Callable[[Item], Write] | None" = None  # the write for what is stored, after a wrong guess; can refuse it
    rank: int  # reasons are read in this order: idempotency record, order, listing, the rest


def commit(db: DynamoDB, writes: list[Write]) -> None:
    """Write everything or nothing; raise the error that a failed condition stands for.

    Shape: one conditional put, or one transaction of 2-100 puts; each item at most 100 KB, all of them 4 MB.

    Raises:
        Outcome: The refusal of the first write, by rank, whose condition failed.
        TooLarge: An item is above the bound; nothing was sent.
        Unavailable: Not done, or not known, within the retry budget; or the account refuses it.
        RequestInvalid: DynamoDB rejects the write as invalid, and would do so again: a bug in this code.
    """
    if len(writes) > MAX_TRANSACTION_ITEMS:
        raise TooLarge("One request cannot change more than 100 records.")
    if sum(_count_bytes(write) for write in writes) > MAX_TRANSACTION_BYTES:
        raise TooLarge("One request cannot change records of more than 4 MB in total.")
    if len(writes) == 1:
        _put(db, writes[0])
    else:
        _transact(db, writes)


def _put(db: DynamoDB, write: Write) -> None:
    try:
        db.put_item(table=write.table, item=write.item, condition=_condition(write), names={}, values=_values(write))
    except ConditionFailed as failure:
        if _is_ours(write, failure.item):
            return  # the response to our first try was lost; the write was not
        raise write.refused(failure.item) from failure


def _transact(db: DynamoDB, writes: list[Write]) -> None:
    for revision in range(_MAX_REVISIONS + 1):
        try:
            db.transact_write([_action(write) for write in writes])
        except TransactionCanceled as failure:
            outcomes = list(zip(writes, failure.reasons, strict=True))
            if any(_is_ours(write, reason.item) for write, reason in outcomes):
                return
            revised = _revise(outcomes) if revision < _MAX_REVISIONS else None
            if revised is None:
                raise failure.refusal or _outcome_of(outcomes) from failure
            writes = revised
        else:
            return


def _revise(outcomes: list[tuple[Write, Reason]]) -> list[Write] | None:
    """Return the writes with better guesses; None if anything but a guess failed."""
    failed = [(write, reason) for write, reason in outcomes if reason.code != "None"]
    if not failed or any(write.revise is None or reason.item is None for write, reason in failed):
        return None
    return [_revise_one(write, reason) for write, reason in outcomes]


def _revise_one(write: Write, reason: Reason) -> Write:
    is_wrong = reason.item is not None and reason.code != "None"
    return write.revise(reason.item) if is_wrong and write.revise is not None and reason.item is not None else write


def _outcome_of(outcomes: list[tuple[Write, Reason]]) -> Outcome:
    by_rank = sorted(outcomes, key=lambda pair: pair[0].rank)
    for write, reason in by_rank:
        if reason.code == "ConditionalCheckFailed":
            return write.refused(reason.item)
    for write, reason in by_rank:
        if reason.code == "TransactionConflict":
            return write.contended(reason.item)
    return Unavailable(
        "The data store is overloaded. Retry later.", retry_after_seconds=1
    )  # throttled, beyond the lane's own retries


def _action(write: Write) -> Mapping[str, object]:
    put: dict[str, object] = {
        "TableName": write.table,
        "Item": to_wire(write.item),
        "ConditionExpression": _condition(write),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if values := _values(write):
        put["ExpressionAttributeValues"] = to_wire(values)
    return {"Put": put}


def _condition(write: Write) -> str:
    if write.expected_version is not None:
        return _SAME_VERSION
    if write.was is not None:
        return f"{_NEW} OR {write.was[0]} = :was"
    return _NEW if write.same is None else f"{_NEW} OR {write.same} = :same"


def _values(write: Write) -> Item:
    if write.expected_version is not None:
        return {":expected": write.expected_version}
    if write.was is not None:
        return {":was": write.was[1]}
    return {} if write.same is None else {":same": write.item[write.same]}


def _is_ours(write: Write, found: Item | None) -> bool:
    if found is None:
        return False
    change = found.get("change")
    return (decode_change(change).id if isinstance(change, str) else found.get("transaction_id")) == write.mark


def _count_bytes(write: Write) -> int:
    names, values = "".join(write.item), "".join(map(str, write.item.values()))
    size = len(names) + len(values.encode())  # joined first: one pass, however many attributes
    if size > MAX_ITEM_BYTES:
        raise TooLarge("The object would become larger than 100 KB. Send shorter texts or fewer entries.")
    return size
