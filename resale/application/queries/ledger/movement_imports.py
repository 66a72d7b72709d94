"""The period of the next import of the provider's fees, and what of a day is imported already."""

from datetime import date, datetime, timedelta
from typing import Final

from resale.application.ports import Reader
from resale.application.queries.ledger.permissions import check_ledger_permission
from resale.domain.access import Principal
from resale.domain.account_movements import is_account_movement

_OVERLAP: Final = timedelta(days=3)  # days that are read again: the provider dates some movements back
_LOOKED_BACK: Final = timedelta(days=62)  # for the last import; older ones are as if there had been none


def find_import_start(*, reader: Reader, principal: Principal, now: datetime) -> date:
    """Return the first day of the next import: some days before the last imported movement.

    The ledger is the watermark: nothing else has to be kept in step with it. Days are imported oldest first, so what is
    before the newest imported movement is imported.

    Shape: one query a day and shard, back from today to the last import, at most 62 days.

    Raises:
        LedgerNotFound: Not for this caller's eyes.
    """
    check_ledger_permission(principal)
    first_order = reader.find_first_order_time()
    first = now.date() if first_order is None else min(first_order.date(), now.date())
    day = now.date()
    while day >= max(first, now.date() - _LOOKED_BACK):
        if list_imported(reader=reader, day=day):
            return max(first, day - _OVERLAP)
        day -= timedelta(days=1)
    return first


def list_imported(*, reader: Reader, day: date) -> frozenset[tuple[str, str]]:
    """Return id and kind of the movements of a day that are in the ledger; eventually consistent."""
    entries = reader.iter_ledger_day(day.isoformat())
    return frozenset((entry.source_id, entry.step) for entry in entries if is_account_movement(entry))
