"""Paths under ``/v1/``, derived from the endpoints that are declared."""

from apps.storefront.docs import ENDPOINTS
from apps.storefront.routing import urls_of

urlpatterns = urls_of(ENDPOINTS)
