"""URLs of the naive view."""

from django.urls import path

from bench.naive.views import ListingsView, ListingView

urlpatterns = [
    path("listings", ListingsView.as_view()),
    path("listings/<str:listing_id>", ListingView.as_view()),
]
