"""Permission to see the ledger."""

from resale.domain.access import Action, Principal, permits
from resale.errors import NotFound


class LedgerNotFound(NotFound):
    """The ledger does not exist, or the caller has no permission to see it."""

    code = "ledger_not_found"
    title = "Ledger not found"
    default_detail = "No ledger with this id exists, or this caller cannot see it."


def check_ledger_permission(principal: Principal) -> None:
    """Require the brand or its staff. Raises LedgerNotFound."""
    if not permits(Action.VIEW_LEDGER, principal.standing, ""):
        raise LedgerNotFound
