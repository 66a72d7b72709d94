"""Who may look into the books."""

from resale.domain.access import Action, Principal, permits
from resale.errors import NotFound


class LedgerNotFound(NotFound):
    """No books that the caller may see."""

    code = "ledger_not_found"


def check_books(principal: Principal) -> None:
    """Let only the brand and its staff pass. Raises LedgerNotFound."""
    if not permits(Action.VIEW_LEDGER, principal.standing, ""):
        raise LedgerNotFound
