"""What a page of the admin may load and run: its own files and pictures, and nothing written into it."""

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.loader import get_template

from apps.backoffice.middleware import is_admin
from apps.core.middleware import Handler
from apps.core.static_files import S3StaticFiles

_HEADER: Final = "Content-Security-Policy"
#: Its page is drawn when nothing else works, so its style is in it.
_ERROR_PAGE: Final = "backoffice/error.html"
_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)


class ContentSecurityPolicyMiddleware:
    """Gives the admin's pages their policy: no inline script, no ``eval``, no frame, no form to elsewhere."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._policy = "; ".join(_directives())

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on and add the policy."""
        response = self.get_response(request)
        if is_admin(request):
            response.headers.setdefault(_HEADER, self._policy)
        return response


def _directives() -> Iterator[str]:
    own = " ".join(("'self'", *_static_hosts()))
    pictures = " ".join(("'self'", "data:", *settings.PICTURE_SOURCES))  # data: unfold's arrows of selects
    yield "default-src 'self'"
    yield f"script-src {own}"
    yield f"style-src {own} {' '.join(_inline_styles())}"
    yield f"font-src {own}"
    yield f"img-src {pictures}"
    yield "object-src 'none'"
    yield "base-uri 'none'"
    yield "form-action 'self'"
    yield "frame-ancestors 'none'"


def _static_hosts() -> Iterator[str]:
    """Name where static files are, when they are not here."""
    storage: object = staticfiles_storage
    if isinstance(storage, S3StaticFiles):
        yield storage.origin()


def _inline_styles() -> Iterator[str]:
    source: str = get_template(_ERROR_PAGE).template.source  # type: ignore[attr-defined]  # Django's own backend
    for style in _STYLE.findall(source):
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        yield f"'sha256-{digest}'"
