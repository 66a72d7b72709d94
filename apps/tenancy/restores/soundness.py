"""Whether restored tables fit together, and the rows that their history lacks.

Tables are restored to one moment, and history is written seconds after the item. So a restored history lacks what was
on its way: those rows are in the former history table, which knows them by now, or are built from the item.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final, Protocol

import msgspec

from resale.application.ports import Head, HistoryLog, HistoryRow, Reader
from resale.application.queries.history import verify_history_to
from resale.application.queries.ledger.balance_checks import check_sellers
from resale.application.queries.ledger.trial_balance import sum_ledger
from resale.domain.changes import hash_change
from resale.domain.history import Fault
from resale.domain.ids import is_any_id
from resale.domain.tenant_restores import Soundness

_NAMED: Final = 20  # faults: the first ones are enough to look into
_RENEW_EVERY: Final = 200  # entities between two renewals of the lease
_LACKING: Final = frozenset({Fault.GAP, Fault.BEHIND})


class PastRows(Protocol):
    """The history of the tables before the restore."""

    def find_history_row(self, entity_id: str, version: int) -> HistoryRow | None:
        """Return one recorded version of an entity; None if there is none."""


def complete_history(
    heads: Iterable[HistoryRow], *, reader: Reader, history: HistoryLog, past: PastRows, renew: Callable[[], None]
) -> int:
    """Append to the restored history each row that it lacks of an entity's versions; return their number.

    Shape: one query an entity; one query and one write a row that is missing. Idempotent.
    """
    appended = 0
    for head in _each(heads, renew):
        found = verify_history_to(reader=reader, entity_id=head.entity_id, head=_head_of(head)).findings
        for version in (finding.version for finding in found if finding.fault in _LACKING):
            row = head if version == head.version else past.find_history_row(head.entity_id, version)
            if row is not None and not history.append((row,)):
                appended += 1
    return appended


def verify_tables(
    heads: Iterable[HistoryRow], *, reader: Reader, now: datetime, renew: Callable[[], None]
) -> Soundness:
    """Verify restored tables: each item against its hash and its history, the ledger, and the balances of sellers.

    Shape: one query an entity; all entries of the ledger; two queries a seller.
    """
    counted = _Count()
    faults = (*_iter_faults(heads, counted, reader, renew), *_iter_ledger_faults(reader, now))
    return Soundness(entity_count=counted.entities, fault_count=len(faults), faults=faults[:_NAMED])


class _Count:
    def __init__(self) -> None:
        self.entities = 0


def _iter_faults(
    heads: Iterable[HistoryRow], counted: _Count, reader: Reader, renew: Callable[[], None]
) -> Iterator[str]:
    for head in _each(heads, renew):
        counted.entities += 1
        change = head.change
        digest = hash_change(
            entity_id=head.entity_id, version=head.version, change=change, doc=head.doc, private=head.private
        )
        if digest != change.hash:
            yield f"{head.entity_id} was changed without its hash"
        for finding in verify_history_to(reader=reader, entity_id=head.entity_id, head=_head_of(head)).findings:
            yield f"{head.entity_id} version {finding.version}: {finding.fault}"


def _iter_ledger_faults(reader: Reader, now: datetime) -> Iterator[str]:
    """Iterate over the differences of the ledger; a document that is none ends the comparison, as a fault."""
    try:
        yield from _compare_ledger(reader, now)
    except msgspec.ValidationError as error:
        yield f"the ledger cannot be compared, because a document is not readable: {error}"


def _compare_ledger(reader: Reader, now: datetime) -> Iterator[str]:
    sums = sum_ledger(reader=reader, now=now)
    for transaction_id in sums.unbalanced:
        yield f"the ledger transaction {transaction_id} does not sum to zero"
    for currency in sums.currencies:
        if difference := sums.total(currency).balance:
            yield f"debits and credits in {currency} differ by {difference} minor units"
    for one in check_sellers(reader=reader, first=(), limit=None, now=now).differences:
        yield f"{one.kind} of {one.our_id}: {one.records} in the records, {one.ledger} in the ledger"


def _each(heads: Iterable[HistoryRow], renew: Callable[[], None]) -> Iterator[HistoryRow]:
    """Iterate over the entities, without heartbeats, which have no history; renew the lease meanwhile."""
    for number, head in enumerate(heads):
        if number % _RENEW_EVERY == 0:
            renew()
        if is_any_id(head.entity_id):
            yield head


def _head_of(row: HistoryRow) -> Head:
    return Head(version=row.version, hash=row.change.hash)
