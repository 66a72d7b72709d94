"""URLs of the process itself."""

from django.urls import path

from apps.core import health

urlpatterns = [path("healthz", health.healthz)]
