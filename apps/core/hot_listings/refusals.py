"""Refusals of the waiting line: come back in your turn (429), and a ticket that is no ticket (422)."""

from http import HTTPStatus

from apps.core.problems import HTTPError


class WaitingLine(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """More buyers order the listing than can at the same time; this one has a place in the line."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "waiting_line"
    title = "Many buyers are ordering this listing"
    default_detail = (
        "Many buyers are ordering this listing. Nothing was done. Send the order again after the seconds in "
        "`Retry-After`, with the same `Idempotency-Key` and with `ticket` as `Waiting-Line-Ticket`: the buyer keeps "
        "the place."
    )

    def __init__(self, *, ticket: str, position: int, retry_after_seconds: int, at_once: int) -> None:
        """Store the place.

        Args:
            ticket: Proves the place; sent again as ``Waiting-Line-Ticket``.
            position: In the line of this process; 1 is next.
            retry_after_seconds: At least 1.
            at_once: Orders of a listing that a process handles at the same time.
        """
        policy = f'"waiting-line";q={at_once};qu="concurrent-requests"'
        super().__init__(
            headers={"Retry-After": str(retry_after_seconds), "RateLimit-Policy": policy},
            members={"ticket": ticket, "position": position},
        )


class WaitingTicketInvalid(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The ticket is not authentic, or belongs to another buyer or listing."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "waiting_ticket_invalid"
    title = "Invalid ticket"
    default_detail = (
        "The ticket was changed, or belongs to another buyer or listing. Send `ticket` of the last response "
        "unchanged, or the order without `Waiting-Line-Ticket` to get a new place."
    )
