"""Paths under ``/admin/``. The names are in the namespace that Django's and unfold's own templates use."""

from django.urls import path

from apps.backoffice import claims, connections, dead_letters, listings, money, orders, overview, tenants
from apps.backoffice.site import site

app_name = "admin"

urlpatterns = [
    path("", overview.Overview.as_view(), name="index"),
    path("login/", site.login, name="login"),
    path("logout/", site.logout, name="logout"),
    path("password/", site.admin_view(site.password_change, cacheable=True), name="password_change"),
    path("password/done/", site.admin_view(site.password_change_done, cacheable=True), name="password_change_done"),
    path("search/", overview.Search.as_view(), name="search"),
    path("shop/", overview.ShopChoice.as_view(), name="shop"),
    path("listings/", listings.Listings.as_view(), name="listings"),
    path("listings/<str:listing_id>/", listings.ListingDetail.as_view(), name="listing"),
    path("listings/<str:listing_id>/approve/", listings.Approval.as_view(), name="listing-approve"),
    path("listings/<str:listing_id>/return/", listings.Return.as_view(), name="listing-return"),
    path("listings/<str:listing_id>/remove/", listings.Removal.as_view(), name="listing-remove"),
    path("listings/<str:listing_id>/pause/", listings.Pause.as_view(), name="listing-pause"),
    path("listings/<str:listing_id>/resume/", listings.Resumption.as_view(), name="listing-resume"),
    path("listings/<str:listing_id>/withdraw/", listings.Withdrawal.as_view(), name="listing-withdraw"),
    path("listings/<str:listing_id>/originals/<str:media_id>/", listings.Original.as_view(), name="original"),
    path("orders/", orders.Orders.as_view(), name="orders"),
    path("orders/<str:order_id>/", orders.OrderDetail.as_view(), name="order"),
    path("orders/<str:order_id>/cancel/", orders.Cancellation.as_view(), name="order-cancel"),
    path("orders/<str:order_id>/address/", orders.AddressCorrection.as_view(), name="order-address"),
    path("orders/<str:order_id>/acknowledge/", orders.Acknowledgement.as_view(), name="order-acknowledge"),
    path("orders/<str:order_id>/refund/", orders.Refund.as_view(), name="order-refund"),
    path("orders/<str:order_id>/report/", orders.Report.as_view(), name="order-report"),
    path("orders/<str:order_id>/transfers/<str:transfer_id>/", money.TransferDetail.as_view(), name="transfer"),
    path("claims/", claims.Claims.as_view(), name="claims"),
    path("claims/<str:claim_id>/", claims.ClaimDetail.as_view(), name="claim"),
    path("claims/<str:claim_id>/resolve/", claims.ClaimResolution.as_view(), name="claim-resolve"),
    path("claims/<str:claim_id>/report/", claims.ReturnReport.as_view(), name="claim-report"),
    path("money/", money.Payouts.as_view(), name="money"),
    path("money/payouts/<str:payout_id>/", money.PayoutDetail.as_view(), name="payout"),
    path("money/payouts/<str:payout_id>/cancel/", money.PayoutCancellation.as_view(), name="payout-cancel"),
    path("money/balances/", money.Balances.as_view(), name="balances"),
    path("money/reconciliation/", money.ReconciliationPage.as_view(), name="reconciliation"),
    path("connections/", connections.Connections.as_view(), name="connections"),
    path("dead_letters/", dead_letters.DeadLetters.as_view(), name="dead-letters"),
    path("dead_letters/<str:letter_id>/", dead_letters.DeadLetterDetail.as_view(), name="dead-letter"),
    path("dead_letters/<str:letter_id>/replay/", dead_letters.Replay.as_view(), name="dead-letter-replay"),
    path("dead_letters/<str:letter_id>/discard/", dead_letters.Discard.as_view(), name="dead-letter-discard"),
    path("tenants/", tenants.Tenants.as_view(), name="tenants"),
    path("tenants/<slug:slug>/", tenants.TenantDetail.as_view(), name="tenant"),
    path("tenants/<slug:slug>/status/", tenants.StatusChange.as_view(), name="tenant-status"),
    path("tenants/<slug:slug>/policies/", tenants.PoliciesChange.as_view(), name="tenant-policies"),
    path("tenants/<slug:slug>/connections/", tenants.ConnectionChange.as_view(), name="tenant-connections"),
    path(
        "tenants/<slug:slug>/connections/<str:connection_id>/remove/",
        tenants.Disconnection.as_view(),
        name="connection-remove",
    ),
    path("tenants/<slug:slug>/keys/", tenants.KeyIssue.as_view(), name="tenant-keys"),
    path("tenants/<slug:slug>/keys/<str:key_id>/revoke/", tenants.KeyRevocation.as_view(), name="key-revoke"),
    path("health/", tenants.Health.as_view(), name="health"),
]
