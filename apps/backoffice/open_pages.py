"""Pages before the sign-in: invitations and passwords. They look like the sign-in and are never cached."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.views import View

from apps.backoffice.sign_in import render_busy
from apps.backoffice.site import site
from apps.core.concurrency import ConcurrencyLimitError


class OpenPage(View):
    """A page for whoever has its link."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Handle the request; while too many passwords are hashed, ask to retry."""
        try:
            response = super().dispatch(request, *args, **kwargs)
        except ConcurrencyLimitError:
            response = render_busy(request)
        add_never_cache_headers(response)
        return response

    def page(self, template: str, *, title: str, status: int = HTTPStatus.OK, **context: Any) -> TemplateResponse:
        """Show a template in the frame of the sign-in."""
        full = {**site.each_context(self.request), "title": title, **context}
        return TemplateResponse(self.request, f"backoffice/sign_in/{template}.html", full, status=status)
