"""Paths under ``/v1/``. Each is described in ``apps.storefront.openapi.endpoints``, which a test holds to this list."""

from django.urls import path

from apps.storefront.docs import DocsView, OpenAPIView
from apps.storefront.history import ListingHistoryView, OrderHistoryView
from apps.storefront.listings import (
    ListingModerationView,
    ListingSubmissionView,
    ListingsView,
    ListingView,
    ListingWithdrawalView,
    SellerListingsView,
)
from apps.storefront.orders import OrderCancellationView, OrderDetailView, OrdersView

urlpatterns = [
    path("listings", ListingsView.as_view()),
    path("listings/<str:listing_id>", ListingView.as_view()),
    path("listings/<str:listing_id>/submit", ListingSubmissionView.as_view()),
    path("listings/<str:listing_id>/withdraw", ListingWithdrawalView.as_view()),
    path("listings/<str:listing_id>/moderation", ListingModerationView.as_view()),
    path("listings/<str:listing_id>/history", ListingHistoryView.as_view()),
    path("sellers/<str:seller_id>/listings", SellerListingsView.as_view()),
    path("orders", OrdersView.as_view()),
    path("orders/<str:order_id>", OrderDetailView.as_view()),
    path("orders/<str:order_id>/cancel", OrderCancellationView.as_view()),
    path("orders/<str:order_id>/history", OrderHistoryView.as_view()),
    path("openapi.json", OpenAPIView.as_view()),
    path("docs", DocsView.as_view()),
]
