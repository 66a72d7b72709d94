"""Paths under ``/v1/``. Each is described in ``apps.storefront.openapi.endpoints``, which a test holds to this list."""

from django.urls import path

from apps.storefront.address_formats import AddressFormatView
from apps.storefront.balances import BalanceTransactionsView, BalanceView
from apps.storefront.claims import (
    ClaimDetailView,
    ClaimEvidenceView,
    ClaimResolutionView,
    ClaimsView,
    ClaimWithdrawalView,
    OrderClaimsView,
)
from apps.storefront.clocks import ClockAdvanceView, ClockDetailView, ClocksView
from apps.storefront.connections import ConnectionsView
from apps.storefront.dead_letters import (
    DeadLetterDetailView,
    DeadLetterDiscardView,
    DeadLetterDryRunView,
    DeadLetterReplayView,
    DeadLettersView,
)
from apps.storefront.docs import DocsView, OpenAPIView
from apps.storefront.history import HistoryView
from apps.storefront.listings import (
    ListingModerationView,
    ListingPauseView,
    ListingRelistView,
    ListingResumptionView,
    ListingSubmissionView,
    ListingsView,
    ListingView,
    ListingWithdrawalView,
    SellerListingsView,
)
from apps.storefront.money import (
    BalanceSheetView,
    LedgerTransactionsView,
    PayoutCancellationView,
    PayoutDetailView,
    PayoutsView,
    ReconciliationView,
    RefundsView,
)
from apps.storefront.orders import (
    OrderAcknowledgementView,
    OrderAddressView,
    OrderCancellationView,
    OrderDetailView,
    OrdersView,
)
from apps.storefront.purchases import PurchaseDetailView, PurchaseRecordView, PurchasesView
from apps.storefront.sales import LabelView, ReceiptView, SalesView, SellerAccountView
from apps.storefront.shipments import TrackingEventsView
from apps.storefront.webhooks import HookView
from resale.application.queries.history import Recorded

urlpatterns = [
    path("listings", ListingsView.as_view()),
    path("listings/<str:listing_id>", ListingView.as_view()),
    path("orders", OrdersView.as_view()),  # patterns are tried in turn: the hot ones are the first
    path("listings/<str:listing_id>/submit", ListingSubmissionView.as_view()),
    path("listings/<str:listing_id>/pause", ListingPauseView.as_view()),
    path("listings/<str:listing_id>/resume", ListingResumptionView.as_view()),
    path("listings/<str:listing_id>/withdraw", ListingWithdrawalView.as_view()),
    path("listings/<str:listing_id>/relist", ListingRelistView.as_view()),
    path("listings/<str:listing_id>/moderation", ListingModerationView.as_view()),
    path("listings/<str:listing_id>/history", HistoryView.as_view(of=Recorded.LISTING)),
    path("sellers/<str:seller_id>/listings", SellerListingsView.as_view()),
    path("orders/<str:order_id>", OrderDetailView.as_view()),
    path("orders/<str:order_id>/cancel", OrderCancellationView.as_view()),
    path("orders/<str:order_id>/shipping_address", OrderAddressView.as_view()),
    path("orders/<str:order_id>/acknowledge", OrderAcknowledgementView.as_view()),
    path("orders/<str:order_id>/confirm_receipt", ReceiptView.as_view()),
    path("orders/<str:order_id>/claims", OrderClaimsView.as_view()),
    path("orders/<str:order_id>/history", HistoryView.as_view(of=Recorded.ORDER)),
    path("sales", SalesView.as_view()),
    path("sales/<str:order_id>/label", LabelView.as_view()),
    path("claims", ClaimsView.as_view()),
    path("claims/<str:claim_id>", ClaimDetailView.as_view()),
    path("claims/<str:claim_id>/evidence", ClaimEvidenceView.as_view()),
    path("claims/<str:claim_id>/withdraw", ClaimWithdrawalView.as_view()),
    path("claims/<str:claim_id>/resolve", ClaimResolutionView.as_view()),
    path("claims/<str:claim_id>/history", HistoryView.as_view(of=Recorded.CLAIM)),
    path("purchases", PurchasesView.as_view()),
    path("purchases/<str:purchase_id>", PurchaseDetailView.as_view()),
    path("purchases/<str:purchase_id>/history", HistoryView.as_view(of=Recorded.PURCHASE)),
    path("purchases/<str:source>/<str:line>", PurchaseRecordView.as_view()),
    path("seller_account", SellerAccountView.as_view()),
    path("balance", BalanceView.as_view()),
    path("balance_transactions", BalanceTransactionsView.as_view()),
    path("payouts", PayoutsView.as_view()),
    path("payouts/<str:payout_id>", PayoutDetailView.as_view()),
    path("payouts/<str:payout_id>/history", HistoryView.as_view(of=Recorded.PAYOUT)),
    path("payouts/<str:payout_id>/cancel", PayoutCancellationView.as_view()),
    path("refunds", RefundsView.as_view()),
    path("ledger/transactions", LedgerTransactionsView.as_view()),
    path("ledger/balances", BalanceSheetView.as_view()),
    path("reports/reconciliation", ReconciliationView.as_view()),
    path("test_clocks", ClocksView.as_view()),
    path("test_clocks/<str:clock_id>", ClockDetailView.as_view()),
    path("test_clocks/<str:clock_id>/advance", ClockAdvanceView.as_view()),
    path("connections", ConnectionsView.as_view()),
    path("dead_letters", DeadLettersView.as_view()),
    path("dead_letters/<str:letter_id>", DeadLetterDetailView.as_view()),
    path("dead_letters/<str:letter_id>/dry_run", DeadLetterDryRunView.as_view()),
    path("dead_letters/<str:letter_id>/replay", DeadLetterReplayView.as_view()),
    path("dead_letters/<str:letter_id>/discard", DeadLetterDiscardView.as_view()),
    path("shipments/<str:shipment_id>/tracking_events", TrackingEventsView.as_view()),
    path("address_formats/<str:country>", AddressFormatView.as_view()),
    path("hooks/<str:connection_id>", HookView.as_view()),
    path("openapi.json", OpenAPIView.as_view()),
    path("docs", DocsView.as_view()),
]
