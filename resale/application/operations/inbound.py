"""What partners tell by webhooks: taken once and durably, then acted on, then settled."""

import zlib
from datetime import datetime
from typing import Final

import msgspec

from resale.application.ports import UnitOfWork
from resale.domain.ids import CustomerId
from resale.domain.inbound import Inbound, InboundChanged, InboundPrivate, receive
from resale.domain.partners import Connection, PartnerEvent

#: Whose data key payloads are sealed under: they belong to no one shopper, and may name several.
OWNER: Final = CustomerId("tenant")


def record_inbound(
    *, uow: UnitOfWork, connection: Connection, event: PartnerEvent, payload: bytes, now: datetime
) -> Inbound:
    """Keep what a partner told, so that it may be told that we have it.

    Shape: reads nothing; commits 1 (``inbound.received``). The same event again: no-op.

    Args:
        uow: Fresh; committed here once.
        connection: Which of the tenant's connections it came by.
        event: What the webhook says, verified and read.
        payload: Its body as it came.
        now: Moment of the request, aware UTC.

    Returns:
        The event as it was first taken, or would have been: both have the same id.

    Raises:
        TooLarge: The body is too large to keep, even deflated (Rejected).
        Unavailable: Not kept, or not known to be: the partner must tell it again.
    """
    inbound = receive(connection=connection, event=event, livemode=not uow.tenant.sandbox, now=now)
    private = InboundPrivate(payload=zlib.compress(payload))
    sealed = uow.vault.seal(private, owner_id=OWNER, entity_id=inbound.id)
    uow.inbound.add(msgspec.structs.replace(inbound, private=sealed), change_type="inbound.received")
    try:
        uow.commit()
    except InboundChanged:
        return inbound  # its id is the event's: whoever wrote it kept the same
    return inbound
