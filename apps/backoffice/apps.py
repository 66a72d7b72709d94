"""The backoffice as a Django app: pages and their assets, no tables."""

from django.apps import AppConfig


class BackofficeConfig(AppConfig):
    """The admin site of tenants' staff and of operators."""

    name = "apps.backoffice"
    label = "backoffice"
    verbose_name = "Backoffice"
