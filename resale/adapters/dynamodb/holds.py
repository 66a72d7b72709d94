"""The open holds of a buyer in DynamoDB: one item a buyer, in the table of records that expire.

Nobody reads it first. The write guesses what is stored: no other hold when one begins, this one when it ends. After a
wrong guess DynamoDB returns the stored item, and the commit is repeated once for what is there (``Write.revise``).
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import Scope
from resale.adapters.dynamodb.buffer import Write
from resale.domain.holds import Hold, add_hold, remove_hold
from resale.domain.ids import CustomerId
from resale.errors import Contended

_HOLDS: Final = "holds"
_KEPT_FOR: Final = timedelta(days=7)  # by the wall clock, as DynamoDB's TTL is; a hold lasts 30 minutes at most
_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(tuple[Hold, ...]).decode
#: What becomes of a buyer's holds.
Change = Callable[[tuple[Hold, ...]], tuple[Hold, ...]]


class DynamoDBHolds:
    """Implements ``resale.application.ports.HoldRegister``."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add(self, buyer_id: CustomerId, hold: Hold, *, limit: int) -> None:
        """Buffer a hold; the first guess is that the buyer has no other."""
        now = self._scope.context.now
        self._buffer(buyer_id, guess=(), change=lambda holds: add_hold(holds, hold, limit=limit, now=now))

    def remove(self, buyer_id: CustomerId, hold: Hold) -> None:
        """Buffer the end of a hold; the first guess is that the buyer has no other."""
        self._buffer(buyer_id, guess=(hold,), change=lambda holds: remove_hold(holds, hold))

    def _buffer(self, buyer_id: CustomerId, *, guess: tuple[Hold, ...], change: Change) -> None:
        self._scope.writes.append(self._write(buyer_id, stored=_text(guess), change=change))

    def _write(self, buyer_id: CustomerId, *, stored: str, change: Change) -> Write:
        scope = self._scope
        return Write(
            table=scope.tenant.resources.tables.idempotency,
            item={
                **keys.holds_key(buyer_id),
                _HOLDS: _text(change(_DECODE(stored))),
                "transaction_id": scope.transaction_id,
                "expires_at": int(time.time() + _KEPT_FOR.total_seconds()),
            },
            expected_version=None,
            was=(_HOLDS, stored),
            revise=lambda found: self._write(buyer_id, stored=str(found[_HOLDS]), change=change),
            refused=lambda _found: Contended("The buyer submits too many orders at the same time. Retry later."),
            contended=lambda _found: Contended("The buyer submits too many orders at the same time. Retry later."),
            mark=scope.transaction_id,
            rank=6,
        )


def _text(holds: tuple[Hold, ...]) -> str:
    return _ENCODE(holds).decode()
