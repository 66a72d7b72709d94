"""Whether this process can serve: its settings are read and its registry is known. Never looks at a tenant."""

import msgspec
from django.http import HttpRequest, HttpResponse

from apps.tenancy import registry
from resale.errors import Unavailable


def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer 200 while requests can be served, also from a registry known but not answering; else 503."""
    state = registry_state()
    body = msgspec.json.encode({"status": "ok" if state != "down" else "unavailable", "registry": state})
    return HttpResponse(body, status=200 if state != "down" else 503, content_type="application/json")


def registry_state() -> str:
    """Say ``ok``, ``stale`` (its database is down, what is known still serves) or ``down``."""
    if registry.ping():
        return "ok"
    try:
        registry.active_tenants()
    except Unavailable:
        return "down"
    return "stale"
