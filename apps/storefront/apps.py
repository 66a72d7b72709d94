"""The Django app of the storefront: a page and its assets, no tables."""

from django.apps import AppConfig


class StorefrontConfig(AppConfig):
    """The public REST API."""

    name = "apps.storefront"
    label = "storefront"
    verbose_name = "Storefront"
