"""The Django app of tenancy."""

from django.apps import AppConfig
from django.conf import settings
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries

from apps.core.metering import USAGE


class TenancyConfig(AppConfig):
    """App of the registry, the API keys and the staff."""

    name = "apps.tenancy"
    label = "tenancy"
    verbose_name = "Tenants"

    def ready(self) -> None:
        """Save what tenants use, and disconnect Django's own handling of connections."""
        from apps.tenancy.usage import save_usage  # noqa: PLC0415 - models load only once apps are ready

        USAGE.save_with(save_usage, every_seconds=settings.USAGE_SAVE_SECONDS)
        self._disconnect()

    @staticmethod
    def _disconnect() -> None:
        """Disconnect Django's own handling of connections: the registry and the admin's middleware do it where needed.

        Django would look at them twice a request, also where none is used: 40 us, a tenth of the API's whole cost.
        """
        request_started.disconnect(reset_queries)
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
        request_finished.disconnect(close_caches)  # nothing here keeps anything in Django's caches
        request_finished.disconnect(reset_urlconf)  # there is one, and each request sets it
