"""Readiness of this process: registry, static files, and whether it can serve the tenants that it lists.

Never looks at a tenant's account.
"""

import msgspec
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse

from apps.core.static_files import RereadManifestMixin
from apps.tenancy import registry
from apps.tenancy.own_processes import check_listed_tenants
from resale.domain.served_tenants import OwnProcessesRefused
from resale.errors import Unavailable


def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Respond 200 while requests can be served, also from a cached registry; else 503."""
    registry_is, files_are, tenants_are = registry.state(), static_files_state(), tenants_state()
    ready = registry_is != "down" and files_are == "ok" and tenants_are == "ok"
    status = "ok" if ready else "unavailable"
    states = {"status": status, "registry": registry_is, "static_files": files_are, "tenants": tenants_are}
    body = msgspec.json.encode(states)
    return HttpResponse(body, status=200 if ready else 503, content_type="application/json")


def static_files_state() -> str:
    """Return ``ok``, or ``missing`` if the static files of the release are not in their bucket."""
    storage: object = staticfiles_storage
    return "missing" if isinstance(storage, RereadManifestMixin) and not storage.is_ready() else "ok"


def tenants_state() -> str:
    """Return ``ok``, or the code of the refusal if a tenant of this process cannot have processes of its own."""
    try:
        check_listed_tenants()
    except OwnProcessesRefused as refusal:
        return refusal.code
    except Unavailable:  # the state of the registry is another one
        return "ok"
    return "ok"
