"""The open work of a tenant that is offboarded."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from resale.application.ports import Pipeline, Queues, Reader
from resale.domain.ids import MEDIA_ID, ORDER_ID
from resale.domain.order_steps import is_over
from resale.domain.orders import Order
from resale.domain.tenant_offboarding import OpenWork

_PAGE: Final = 100
_decode: Final = msgspec.json.Decoder(Order).decode


def count_open_work(*, reader: Reader, pipeline: Pipeline, queues: Queues, until: datetime) -> OpenWork:
    """Count what is not finished. Orders that are over and only watched for refunds of the provider are not open.

    Shape: reads all orders, 100 a page, and the index of what is due; counts three queues.

    Args:
        reader: On the tenant.
        pipeline: Of its changes.
        queues: Of its account.
        until: What waits for a time after this is not counted; aware UTC.

    Raises:
        Unavailable: The account does not respond.
    """
    state, changes = pipeline.read_state(), reader.tenant.resources.queues.changes
    late = sum(1 for table in state.tables if table.heartbeat is not None and not table.has_arrived)
    return OpenWork(
        order_count=sum(1 for order in _iter_orders(reader) if not is_over(order)),
        other_count=sum(1 for item in reader.iter_due(now=until) if _is_other(item.entity_id)),
        set_aside_count=state.set_aside_count + state.dead_count,
        moving_count=queues.count(changes.url) + late,
    )


def _is_other(entity_id: str) -> bool:
    """Return whether a waiting item is neither an order, which is counted as such, nor a photo's empty slot."""
    return not (ORDER_ID.matches(entity_id) or MEDIA_ID.matches(entity_id))


def _iter_orders(reader: Reader) -> Iterator[Order]:
    cursor: str | None = None
    while True:
        page = reader.list_recent_orders(limit=_PAGE, cursor=cursor)
        yield from (_decode(document.doc) for document in page.documents)
        cursor = page.next_cursor
        if cursor is None:
            return
