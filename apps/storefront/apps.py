"""The storefront as a Django app: it has a page and its assets, and no tables."""

from django.apps import AppConfig


class StorefrontConfig(AppConfig):
    """The public REST API."""

    name = "apps.storefront"
    label = "storefront"
    verbose_name = "Storefront"
