"""Readiness of this process: settings, registry and static files.

Never looks at a tenant.
"""

import msgspec
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse

from apps.core.static_files import RereadManifestMixin
from apps.tenancy import registry
from resale.errors import Unavailable


def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Respond 200 while requests can be served, also from a cached registry; else 503."""
    registry_is, files_are = registry_state(), static_files_state()
    ready = registry_is != "down" and files_are == "ok"
    status = "ok" if ready else "unavailable"
    body = msgspec.json.encode({"status": status, "registry": registry_is, "static_files": files_are})
    return HttpResponse(body, status=200 if ready else 503, content_type="application/json")


def static_files_state() -> str:
    """Return ``ok``, or ``missing`` if the static files of the release are not in their bucket."""
    storage: object = staticfiles_storage
    return "missing" if isinstance(storage, RereadManifestMixin) and not storage.is_ready() else "ok"


def registry_state() -> str:
    """Return ``ok``, ``stale`` (the database is down, cached rows are served) or ``down``."""
    if registry.ping():
        return "ok"
    try:
        registry.active_tenants()
    except Unavailable:
        return "down"
    return "stale"
