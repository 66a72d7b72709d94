"""The load balancer's health check: this process is alive. It checks nothing else, so nothing else can fail it."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed

from apps.core import problems
from apps.core.requests import info_of

_ALLOWED: Final = ("GET", "HEAD")


def healthz(request: HttpRequest) -> HttpResponse:
    """Respond that this process is alive."""
    if request.method not in _ALLOWED:
        response = problems.render(MethodNotAllowed(request.method or ""), request_id=info_of(request).id)
        response["Allow"] = ", ".join(_ALLOWED)
        return response
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")
