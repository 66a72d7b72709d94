"""Paths of the registry. The operator's lies under the admin's, whose sessions say who asks."""

from django.urls import path

from apps.tenancy import health, report

urlpatterns = [
    path("readyz", health.readyz),
    path("admin/health/tenants", report.tenants_health, name="tenants-health"),
]
