"""The access table, cell by cell: what is written here is what was decided, not what the code says."""

import pytest

from resale.domain.access import Action, Principal, Role, permits, role_towards
from resale.domain.claims import ClaimStatus
from resale.domain.connections import ConnectionStatus
from resale.domain.dead_letters import DeadLetterStatus
from resale.domain.listings import ListingStatus
from resale.domain.orders import OrderStatus
from resale.domain.payouts import PayoutStatus
from tests.unit.builders import BUYER, SELLER, STRANGER

ANY_LISTING = {status.value for status in ListingStatus}
ANY_ORDER = {status.value for status in OrderStatus}
ANY_CLAIM = {status.value for status in ClaimStatus}
ANY_PAYOUT = {status.value for status in PayoutStatus}
BOOKS = {""}  # the ledger has no states
PAID = ANY_ORDER - {"submitted", "payment_pending", "payment_failed", "cancelled"}
ANY_LETTER = {status.value for status in DeadLetterStatus}
ANY_CONNECTION = {status.value for status in ConnectionStatus}
RECORDED = {"recorded"}  # the one state of a purchase
SHOWN = {"active", "reserved", "sold"}
NO: set[str] = set()

#            public   owner        counterparty   brand        viewer       moderator    manager
DECIDED = {
    "view_listing": (SHOWN, ANY_LISTING, NO, ANY_LISTING, ANY_LISTING, ANY_LISTING, ANY_LISTING),
    "edit_listing": (NO, ANY_LISTING, NO, NO, NO, NO, NO),
    "submit_listing": (NO, ANY_LISTING, NO, NO, NO, NO, NO),
    "pause_listing": (NO, ANY_LISTING, NO, ANY_LISTING, NO, ANY_LISTING, ANY_LISTING),
    "withdraw_listing": (NO, ANY_LISTING, NO, ANY_LISTING, NO, NO, ANY_LISTING),
    "moderate_listing": (NO, NO, NO, ANY_LISTING, NO, ANY_LISTING, ANY_LISTING),
    "buy_listing": ({"active"}, NO, NO, NO, NO, NO, NO),
    "view_listing_history": (NO, NO, NO, ANY_LISTING, ANY_LISTING, ANY_LISTING, ANY_LISTING),
    "view_listing_originals": (NO, NO, NO, NO, NO, ANY_LISTING, ANY_LISTING),
    "view_order": (NO, ANY_ORDER, ANY_ORDER, ANY_ORDER, ANY_ORDER, ANY_ORDER, ANY_ORDER),
    "view_order_address": (NO, ANY_ORDER, PAID, ANY_ORDER, NO, NO, ANY_ORDER),
    "correct_address": (NO, ANY_ORDER, NO, ANY_ORDER, NO, NO, ANY_ORDER),
    "cancel_order": (NO, ANY_ORDER, {"confirmed", "awaiting_shipment"}, ANY_ORDER, NO, NO, ANY_ORDER),
    "request_label": (NO, NO, ANY_ORDER, NO, NO, NO, NO),
    "confirm_receipt": (NO, ANY_ORDER, NO, NO, NO, NO, NO),
    "refund_order": (NO, NO, NO, ANY_ORDER, NO, NO, ANY_ORDER),
    "acknowledge_order": (NO, NO, NO, ANY_ORDER, NO, NO, ANY_ORDER),
    "report_tracking": (NO, NO, NO, ANY_ORDER, NO, NO, ANY_ORDER),
    "open_claim": (NO, ANY_ORDER, NO, NO, NO, NO, NO),
    "view_claim": (NO, ANY_CLAIM, ANY_CLAIM, ANY_CLAIM, ANY_CLAIM, ANY_CLAIM, ANY_CLAIM),
    "resolve_claim": (NO, NO, NO, ANY_CLAIM, NO, NO, ANY_CLAIM),
    "withdraw_claim": (NO, ANY_CLAIM, NO, NO, NO, NO, NO),
    "add_evidence": (NO, ANY_CLAIM, NO, NO, NO, NO, NO),
    "report_return": (NO, NO, NO, ANY_CLAIM, NO, NO, ANY_CLAIM),
    "view_claim_history": (NO, NO, NO, ANY_CLAIM, ANY_CLAIM, ANY_CLAIM, ANY_CLAIM),
    "relist_listing": (NO, ANY_LISTING, NO, NO, NO, NO, NO),
    "view_payout": (NO, ANY_PAYOUT, NO, ANY_PAYOUT, ANY_PAYOUT, ANY_PAYOUT, ANY_PAYOUT),
    "view_payout_history": (NO, NO, NO, ANY_PAYOUT, ANY_PAYOUT, ANY_PAYOUT, ANY_PAYOUT),
    "cancel_payout": (NO, ANY_PAYOUT, NO, ANY_PAYOUT, NO, NO, ANY_PAYOUT),
    "view_ledger": (NO, NO, NO, BOOKS, BOOKS, BOOKS, BOOKS),
    "move_test_clock": (NO, NO, NO, {"active"}, NO, NO, NO),
    "view_order_history": (NO, NO, NO, ANY_ORDER, ANY_ORDER, ANY_ORDER, ANY_ORDER),
    "view_dead_letters": (NO, NO, NO, ANY_LETTER, NO, NO, ANY_LETTER),
    "manage_dead_letters": (NO, NO, NO, ANY_LETTER, NO, NO, ANY_LETTER),
    "view_connection": (NO, NO, NO, ANY_CONNECTION, ANY_CONNECTION, ANY_CONNECTION, ANY_CONNECTION),
    "record_purchase": (NO, NO, NO, RECORDED, NO, NO, NO),
    "claim_purchase": (NO, RECORDED, NO, NO, NO, NO, NO),
    "view_purchase": (NO, RECORDED, NO, RECORDED, RECORDED, RECORDED, RECORDED),
    "view_purchase_history": (NO, NO, NO, RECORDED, RECORDED, RECORDED, RECORDED),
}
ROLES = (Role.PUBLIC, Role.OWNER, Role.COUNTERPARTY, Role.BRAND, Role.VIEWER, Role.MODERATOR, Role.MANAGER)
CELLS = [
    (Action(action), role, states) for action, row in DECIDED.items() for role, states in zip(ROLES, row, strict=True)
]


class TestPermits:
    @pytest.mark.parametrize(("action", "role", "states"), CELLS)
    def test_allows_exactly_the_states_decided(self, action: Action, role: Role, states: set[str]) -> None:
        asked = ANY_ORDER | ANY_LISTING | ANY_CLAIM | ANY_PAYOUT | ANY_CONNECTION | BOOKS | ANY_LETTER | RECORDED
        assert {status for status in asked if permits(action, role, status)} == states

    def test_every_action_and_role_is_decided(self) -> None:
        assert set(DECIDED) == {action.value for action in Action}
        assert set(ROLES) == set(Role)


class TestRoleTowards:
    def test_the_owner_is_the_owner_whatever_else_they_are(self) -> None:
        assert role_towards(Principal(standing=Role.BRAND, customer_id=SELLER), owner_id=SELLER) == Role.OWNER

    def test_the_other_party_is_the_counterparty(self) -> None:
        role = role_towards(Principal(customer_id=SELLER), owner_id=BUYER, counterparty_id=SELLER)
        assert role == Role.COUNTERPARTY

    def test_a_stranger_is_what_they_stand_as(self) -> None:
        assert role_towards(Principal(customer_id=STRANGER), owner_id=SELLER) == Role.PUBLIC

    def test_nobody_is_not_the_counterparty_of_nobody(self) -> None:
        assert role_towards(Principal(), owner_id=SELLER, counterparty_id=None) == Role.PUBLIC
