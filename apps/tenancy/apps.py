"""Tenancy as a Django app."""

from django.apps import AppConfig


class TenancyConfig(AppConfig):
    """The registry, its keys and its staff."""

    name = "apps.tenancy"
    label = "tenancy"
    verbose_name = "Tenants"
