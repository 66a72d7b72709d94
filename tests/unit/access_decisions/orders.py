"""Who may do what with orders."""

from resale.domain.orders import OrderStatus
from tests.unit.access_decisions import NO

STATES = {status.value for status in OrderStatus}
PAID = STATES - {"submitted", "payment_pending", "payment_failed", "cancelled"}

#            public   owner   counterparty   brand   viewer   moderator   manager
ROWS = {
    "view_order": (NO, STATES, STATES, STATES, STATES, STATES, STATES),
    "view_order_address": (NO, STATES, PAID, STATES, NO, NO, STATES),
    "correct_address": (NO, STATES, NO, STATES, NO, NO, STATES),
    "cancel_order": (NO, STATES, {"confirmed", "awaiting_shipment"}, STATES, NO, NO, STATES),
    "request_label": (NO, NO, STATES, NO, NO, NO, NO),
    "confirm_receipt": (NO, STATES, NO, NO, NO, NO, NO),
    "refund_order": (NO, NO, NO, STATES, NO, NO, STATES),
    "compensate_seller": (NO, NO, NO, STATES, NO, NO, STATES),
    "acknowledge_order": (NO, NO, NO, STATES, NO, NO, STATES),
    "report_tracking": (NO, NO, NO, STATES, NO, NO, STATES),
    "view_order_history": (NO, NO, NO, STATES, STATES, STATES, STATES),
}
