"""Tickets of the waiting line: the time at which a buyer came, signed for one tenant, listing and buyer."""

import base64
import binascii
import hashlib
import hmac
import struct
import time
from collections.abc import Callable
from typing import Final

from apps.core.hot_listings.refusals import WaitingTicketInvalid

TICKET_SECONDS: Final = 600  # that a ticket is valid; each response has a new one with the same place
TICKET_CHARS: Final = 43
_PAYLOAD: Final = struct.Struct(">QQ")  # came at (Unix milliseconds), valid until (Unix seconds)
_TAG_BYTES: Final = 16


class Tickets:
    """Issues and reads tickets. All processes have the same secret, so each reads the tickets of the others.

    Args:
        secret: Of the platform; tickets have a key of their own that is derived from it.
        clock: Unix time in seconds. Tickets follow no test clock: all processes compare them.
    """

    def __init__(self, secret: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._key = hmac.digest(secret, b"tickets of the waiting line", hashlib.sha256)

    def issue(self, scope: tuple[str, ...], *, arrived_ms: int) -> str:
        """Return a ticket as URL-safe text.

        Args:
            scope: Tenant, listing and buyer, for whom alone it is valid.
            arrived_ms: When the buyer came, Unix time in milliseconds.
        """
        payload = _PAYLOAD.pack(arrived_ms, int(self._clock()) + TICKET_SECONDS)
        return base64.urlsafe_b64encode(self._tag(scope, payload) + payload).rstrip(b"=").decode()

    def now_ms(self) -> int:
        """Return when a buyer without a ticket came: now, Unix time in milliseconds."""
        return int(self._clock() * 1000)

    def read_arrival(self, ticket: str, scope: tuple[str, ...]) -> int | None:
        """Return when the buyer of a ticket came, Unix time in milliseconds; None if the ticket has expired.

        Raises:
            WaitingTicketInvalid: It is not ours, was changed, or belongs to another buyer or listing.
        """
        raw = _decode(ticket)
        tag, payload = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(scope, payload)):
            raise WaitingTicketInvalid
        arrived_ms, valid_until = _PAYLOAD.unpack(payload)
        return None if self._clock() >= valid_until else int(arrived_ms)

    def _tag(self, scope: tuple[str, ...], payload: bytes) -> bytes:
        parts = (*map(str.encode, scope), payload)
        message = b"".join(b"%d:%s" % (len(part), part) for part in parts)
        return hmac.digest(self._key, message, hashlib.sha256)[:_TAG_BYTES]


def _decode(ticket: str) -> bytes:
    if len(ticket) != TICKET_CHARS:
        raise WaitingTicketInvalid
    try:
        return base64.b64decode(ticket.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise WaitingTicketInvalid from error
