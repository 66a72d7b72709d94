"""URLs of the registry. The operator's report is below the admin, which has the session."""

from django.urls import path

from apps.tenancy import health, report

urlpatterns = [
    path("readyz", health.readyz),
    path("admin/health/tenants", report.tenants_health, name="tenants-health"),
]
