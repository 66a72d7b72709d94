"""URLs under ``/v1/``, derived from the declared endpoints."""

from apps.storefront.docs import ENDPOINTS
from apps.storefront.routing import urls_of

urlpatterns = urls_of(ENDPOINTS)
