"""A ticket is good for one tenant, listing and buyer, for ten minutes, in every process with the same secret."""

import pytest

from apps.core.hot_listings.refusals import WaitingTicketInvalid
from apps.core.hot_listings.tickets import TICKET_CHARS, TICKET_SECONDS, Tickets

NOW = 1_796_000_000.5
SCOPE = ("ten_1", "lst_1", "https://issuer.test", "robin")


def tickets(secret: bytes = b"s" * 32, *, after_seconds: float = 0) -> Tickets:
    return Tickets(secret, clock=lambda: NOW + after_seconds)


TICKETS = tickets()
TICKET = TICKETS.issue(SCOPE, arrived_ms=123_456)


def test_is_read_by_every_process_with_the_secret() -> None:
    assert tickets().read_arrival(TICKET, SCOPE) == 123_456
    assert len(TICKET) == TICKET_CHARS


@pytest.mark.parametrize("part", range(4))
def test_belongs_to_one_tenant_listing_and_buyer(part: int) -> None:
    other = tuple("other" if at == part else said for at, said in enumerate(SCOPE))
    with pytest.raises(WaitingTicketInvalid, match="belongs to another"):
        TICKETS.read_arrival(TICKET, other)


def test_parts_of_its_scope_cannot_be_shifted() -> None:
    ticket = TICKETS.issue(("ab", "c"), arrived_ms=1)
    with pytest.raises(WaitingTicketInvalid):
        TICKETS.read_arrival(ticket, ("a", "bc"))


@pytest.mark.parametrize("at", range(0, TICKET_CHARS - 1, 7))
def test_cannot_be_changed(at: int) -> None:
    changed = TICKET[:at] + ("A" if TICKET[at] != "A" else "B") + TICKET[at + 1 :]
    with pytest.raises(WaitingTicketInvalid):
        TICKETS.read_arrival(changed, SCOPE)


@pytest.mark.parametrize("text", ["", "x", "é" * TICKET_CHARS, "!" * TICKET_CHARS, "A" * TICKET_CHARS, TICKET + "A"])
def test_nothing_else_is_one(text: str) -> None:
    with pytest.raises(WaitingTicketInvalid):
        TICKETS.read_arrival(text, SCOPE)


def test_of_another_secret_is_none() -> None:
    with pytest.raises(WaitingTicketInvalid):
        tickets(b"t" * 32).read_arrival(TICKET, SCOPE)


def test_without_one_a_buyer_comes_now() -> None:
    assert TICKETS.now_ms() == int(NOW * 1000)


def test_expires() -> None:
    assert tickets(after_seconds=TICKET_SECONDS - 1).read_arrival(TICKET, SCOPE) == 123_456
    assert tickets(after_seconds=TICKET_SECONDS).read_arrival(TICKET, SCOPE) is None
