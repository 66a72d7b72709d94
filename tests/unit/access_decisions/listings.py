"""Who may do what with listings."""

from resale.domain.listings import ListingStatus
from tests.unit.access_decisions import NO

STATES = {status.value for status in ListingStatus}
SHOWN = {"active", "reserved", "sold"}

#            public   owner   counterparty   brand   viewer   moderator   manager
ROWS = {
    "view_listing": (SHOWN, STATES, NO, STATES, STATES, STATES, STATES),
    "edit_listing": (NO, STATES, NO, NO, NO, NO, NO),
    "submit_listing": (NO, STATES, NO, NO, NO, NO, NO),
    "pause_listing": (NO, STATES, NO, STATES, NO, STATES, STATES),
    "withdraw_listing": (NO, STATES, NO, STATES, NO, NO, STATES),
    "moderate_listing": (NO, NO, NO, STATES, NO, STATES, STATES),
    "buy_listing": ({"active"}, NO, NO, NO, NO, NO, NO),
    "view_listing_history": (NO, NO, NO, STATES, STATES, STATES, STATES),
    "view_listing_originals": (NO, NO, NO, NO, NO, STATES, STATES),
    "relist_listing": (NO, STATES, NO, NO, NO, NO, NO),
}
