"""The load balancer's check: this process is alive. It looks at nothing else, so nothing else can take it down."""

from django.http import HttpRequest, HttpResponse


def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Say that the process answers."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")
