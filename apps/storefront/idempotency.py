"""Commands with an Idempotency-Key: executed once; a repetition returns the created entity."""

from collections.abc import Callable
from typing import Final

from django.http.response import HttpResponseBase

from apps.core.hot_listings.refusals import WaitingLine, WaitingTicketInvalid
from resale.domain.command_context import CommandKey
from resale.errors import Outcome

#: After these the record decides: a second call can meet a waiting line that its first one did not.
_FAILURES: Final = (Outcome, WaitingLine, WaitingTicketInvalid)


def run_idempotent(
    *,
    key: CommandKey | None,
    find: Callable[[CommandKey], str | None],
    execute: Callable[[], HttpResponseBase],
    replay: Callable[[str], HttpResponseBase],
) -> HttpResponseBase:
    """Execute a command, or return the result of its first execution.

    The record is looked up only when the command fails: a first call pays nothing for it, and whichever way a second
    one fails (its record is there, what it wanted is taken by the first, the response was lost), the record decides.

    Args:
        key: The command's key; None: every call is a first one.
        find: Returns the id of what a key made before; raises IdempotencyMismatch.
        execute: Does the command and commits the record with it.
        replay: Renders the response from the entity the key made, as it stands now.

    Raises:
        IdempotencyMismatch: The key was used with another body.
        Outcome, WaitingLine, WaitingTicketInvalid: The command's own, when the key made nothing.
    """
    try:
        return execute()
    except _FAILURES:
        if key is None:
            raise
        entity_id = find(key)
        if entity_id is None:
            raise
    response = replay(entity_id)
    response.headers["Idempotent-Replayed"] = "true"
    return response
