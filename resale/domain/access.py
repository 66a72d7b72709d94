"""Permissions: one table of role by action; each cell has the statuses in which the action is permitted.

Not permitted to see is answered as not found; seen but not permitted to act is Forbidden.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Self

import msgspec

from resale.domain.claims import ClaimStatus
from resale.domain.connections import ConnectionStatus
from resale.domain.dead_letters import DeadLetterStatus
from resale.domain.ids import CustomerId
from resale.domain.listings import ListingStatus
from resale.domain.orders import OrderStatus
from resale.domain.payouts import PayoutStatus
from resale.domain.purchases import RECORDED


class Role(StrEnum):
    """The role of a caller towards an entity."""

    PUBLIC = "public"
    OWNER = "owner"
    COUNTERPARTY = "counterparty"
    BRAND = "brand"
    VIEWER = "viewer"
    MODERATOR = "moderator"
    MANAGER = "manager"


class Action(StrEnum):
    """An action with a permission. Its refusal is the detail for callers who see the entity but cannot act."""

    refusal: str

    def __new__(cls, value: str, refusal: str = "") -> Self:
        """Create a member with its refusal; a refused view has none, because it is a 404."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.refusal = refusal
        return member

    VIEW_LISTING = "view_listing"
    EDIT_LISTING = "edit_listing", "Only the seller can change this listing."
    SUBMIT_LISTING = "submit_listing", "Only the seller can change this listing."
    PAUSE_LISTING = "pause_listing", "Only the seller or the brand can pause or resume this listing."
    WITHDRAW_LISTING = "withdraw_listing", "Only the seller or the brand can withdraw this listing."
    MODERATE_LISTING = "moderate_listing", "Only the brand can review listings."
    BUY_LISTING = "buy_listing"
    VIEW_LISTING_HISTORY = "view_listing_history"
    VIEW_LISTING_ORIGINALS = "view_listing_originals"
    VIEW_ORDER = "view_order"
    VIEW_ORDER_ADDRESS = "view_order_address"
    CORRECT_ADDRESS = "correct_address", "Only the buyer and the brand can correct the shipping address."
    CANCEL_ORDER = "cancel_order", "Only the buyer, the brand, or the seller before shipping can cancel this order."
    REQUEST_LABEL = "request_label", "Only the seller can request the label."
    CONFIRM_RECEIPT = "confirm_receipt", "Only the buyer can confirm receipt."
    REFUND_ORDER = "refund_order", "Only the brand can refund an order."
    COMPENSATE_SELLER = "compensate_seller", "Only the brand can compensate a seller."
    ACKNOWLEDGE_ORDER = "acknowledge_order", "Only the brand can acknowledge an issue."
    VIEW_ORDER_HISTORY = "view_order_history"
    REPORT_TRACKING = "report_tracking", "Only the brand can report tracking events."
    OPEN_CLAIM = "open_claim", "Only the buyer can open a claim."
    VIEW_CLAIM = "view_claim"
    RESOLVE_CLAIM = "resolve_claim", "Only the brand can resolve a claim."
    WITHDRAW_CLAIM = "withdraw_claim", "Only the buyer can withdraw their claim."
    ADD_EVIDENCE = "add_evidence", "Only the buyer can add evidence to their claim."
    REPORT_RETURN = "report_return", "Only the brand can report tracking events of a return."
    VIEW_CLAIM_HISTORY = "view_claim_history"
    RELIST_LISTING = "relist_listing", "Only the seller can list this item again."
    VIEW_PAYOUT = "view_payout"
    VIEW_PAYOUT_HISTORY = "view_payout_history"
    CANCEL_PAYOUT = "cancel_payout", "Only the seller or the brand can cancel this payout."
    VIEW_LEDGER = "view_ledger"
    MOVE_TEST_CLOCK = "move_test_clock", "Only the brand can advance its test clock."
    VIEW_DEAD_LETTERS = "view_dead_letters"
    MANAGE_DEAD_LETTERS = "manage_dead_letters"
    VIEW_CONNECTION = "view_connection"
    RECORD_PURCHASE = "record_purchase", "Only the brand can record purchases."
    CLAIM_PURCHASE = "claim_purchase"
    VIEW_PURCHASE = "view_purchase"
    VIEW_PURCHASE_HISTORY = "view_purchase_history"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The caller in the access table. ``standing`` is the role without ownership."""

    standing: Role = Role.PUBLIC
    customer_id: CustomerId | None = None


_L = ListingStatus
_O = OrderStatus
_LISTINGS: Final = frozenset(ListingStatus)
_ORDERS: Final = frozenset(OrderStatus)
_DEAD_LETTERS: Final = frozenset(DeadLetterStatus)
_CONNECTIONS: Final = frozenset(ConnectionStatus)
_ON_SHOW: Final = frozenset({_L.ACTIVE, _L.RESERVED, _L.SOLD})
#: From the payment on: the seller has to know where it goes.
_PAID: Final = _ORDERS - {_O.SUBMITTED, _O.PAYMENT_PENDING, _O.PAYMENT_FAILED, _O.CANCELLED}
_TO_SHIP: Final = frozenset({_O.CONFIRMED, _O.AWAITING_SHIPMENT})
_CLAIMS: Final = frozenset(ClaimStatus)
_PAYOUTS: Final = frozenset(PayoutStatus)
_BOOKS: Final = frozenset({""})  # the ledger has no states
_PURCHASES: Final = frozenset({RECORDED})
_R = Role
_A = Action


def _staff(states: frozenset[str]) -> Mapping[Role, frozenset[str]]:
    """Permit an action to the brand and all of its staff."""
    return dict.fromkeys((_R.BRAND, _R.VIEWER, _R.MODERATOR, _R.MANAGER), states)


#: action → role → states. A missing cell is a no.
ACCESS: Final[Mapping[Action, Mapping[Role, frozenset[str]]]] = {
    _A.VIEW_LISTING: {_R.PUBLIC: _ON_SHOW, _R.OWNER: _LISTINGS, **_staff(_LISTINGS)},
    _A.EDIT_LISTING: {_R.OWNER: _LISTINGS},
    _A.SUBMIT_LISTING: {_R.OWNER: _LISTINGS},
    _A.PAUSE_LISTING: {_R.OWNER: _LISTINGS, _R.BRAND: _LISTINGS, _R.MODERATOR: _LISTINGS, _R.MANAGER: _LISTINGS},
    _A.WITHDRAW_LISTING: {_R.OWNER: _LISTINGS, _R.BRAND: _LISTINGS, _R.MANAGER: _LISTINGS},
    _A.MODERATE_LISTING: {_R.BRAND: _LISTINGS, _R.MODERATOR: _LISTINGS, _R.MANAGER: _LISTINGS},
    _A.BUY_LISTING: {_R.PUBLIC: frozenset({_L.ACTIVE})},
    _A.VIEW_LISTING_HISTORY: _staff(_LISTINGS),
    _A.VIEW_LISTING_ORIGINALS: {_R.MODERATOR: _LISTINGS, _R.MANAGER: _LISTINGS},
    _A.VIEW_ORDER: {_R.OWNER: _ORDERS, _R.COUNTERPARTY: _ORDERS, **_staff(_ORDERS)},
    _A.VIEW_ORDER_ADDRESS: {_R.OWNER: _ORDERS, _R.COUNTERPARTY: _PAID, _R.BRAND: _ORDERS, _R.MANAGER: _ORDERS},
    _A.CORRECT_ADDRESS: {_R.OWNER: _ORDERS, _R.BRAND: _ORDERS, _R.MANAGER: _ORDERS},
    _A.CANCEL_ORDER: {_R.OWNER: _ORDERS, _R.COUNTERPARTY: _TO_SHIP, _R.BRAND: _ORDERS, _R.MANAGER: _ORDERS},
    _A.REQUEST_LABEL: {_R.COUNTERPARTY: _ORDERS},
    _A.CONFIRM_RECEIPT: {_R.OWNER: _ORDERS},
    _A.REFUND_ORDER: {_R.BRAND: _ORDERS, _R.MANAGER: _ORDERS},
    _A.COMPENSATE_SELLER: {_R.BRAND: _ORDERS, _R.MANAGER: _ORDERS},
    _A.ACKNOWLEDGE_ORDER: {_R.BRAND: _ORDERS, _R.MANAGER: _ORDERS},
    _A.REPORT_TRACKING: {_R.BRAND: _ORDERS, _R.MANAGER: _ORDERS},
    _A.OPEN_CLAIM: {_R.OWNER: _ORDERS},
    _A.VIEW_CLAIM: {_R.OWNER: _CLAIMS, _R.COUNTERPARTY: _CLAIMS, **_staff(_CLAIMS)},
    _A.RESOLVE_CLAIM: {_R.BRAND: _CLAIMS, _R.MANAGER: _CLAIMS},
    _A.WITHDRAW_CLAIM: {_R.OWNER: _CLAIMS},
    _A.ADD_EVIDENCE: {_R.OWNER: _CLAIMS},
    _A.REPORT_RETURN: {_R.BRAND: _CLAIMS, _R.MANAGER: _CLAIMS},
    _A.VIEW_CLAIM_HISTORY: _staff(_CLAIMS),
    _A.RELIST_LISTING: {_R.OWNER: _LISTINGS},
    _A.VIEW_PAYOUT: {_R.OWNER: _PAYOUTS, **_staff(_PAYOUTS)},
    _A.VIEW_PAYOUT_HISTORY: _staff(_PAYOUTS),
    _A.CANCEL_PAYOUT: {_R.OWNER: _PAYOUTS, _R.BRAND: _PAYOUTS, _R.MANAGER: _PAYOUTS},
    _A.VIEW_LEDGER: _staff(_BOOKS),
    _A.VIEW_ORDER_HISTORY: _staff(_ORDERS),
    _A.MOVE_TEST_CLOCK: {_R.BRAND: frozenset({"active"})},
    _A.VIEW_DEAD_LETTERS: {_R.BRAND: _DEAD_LETTERS, _R.MANAGER: _DEAD_LETTERS},
    _A.MANAGE_DEAD_LETTERS: {_R.BRAND: _DEAD_LETTERS, _R.MANAGER: _DEAD_LETTERS},
    _A.VIEW_CONNECTION: _staff(_CONNECTIONS),
    _A.RECORD_PURCHASE: {_R.BRAND: _PURCHASES},
    _A.CLAIM_PURCHASE: {_R.OWNER: _PURCHASES},
    _A.VIEW_PURCHASE: {_R.OWNER: _PURCHASES, **_staff(_PURCHASES)},
    _A.VIEW_PURCHASE_HISTORY: _staff(_PURCHASES),
}


def permits(action: Action, role: Role, status: str) -> bool:
    """Return whether a role permits an action in a status."""
    return status in ACCESS[action].get(role, frozenset())


def role_towards(principal: Principal, *, owner_id: CustomerId, counterparty_id: CustomerId | None = None) -> Role:
    """Return the role of a caller: owner, counterparty, or their standing."""
    if principal.customer_id is not None and principal.customer_id == owner_id:
        return Role.OWNER
    if principal.customer_id is not None and principal.customer_id == counterparty_id:
        return Role.COUNTERPARTY
    return principal.standing
