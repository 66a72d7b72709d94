"""Django's middleware for the pages under ``/admin/``, and for nothing else: the API has no session, cookie or CSRF.

Each class is Django's own behind ``AdminOnly``. All of them on every request would cost a read of the API a quarter of
its CPU time and change its headers (docs/decisions/0034).
"""

from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import close_old_connections, connection
from django.http import HttpRequest, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware

from apps.core.middleware import Handler

_PREFIX: Final = "/admin/"

if TYPE_CHECKING:
    from django.utils.deprecation import MiddlewareMixin as _Middleware
else:
    _Middleware = object


def is_admin(request: HttpRequest) -> bool:
    """Whether a request is for a page of the admin."""
    return request.path_info.startswith(_PREFIX)


class AdminOnly(_Middleware):
    """Mixin that passes a request to its middleware only under ``/admin/``. First in the list of bases.

    Any other request goes on after the last of those that follow one another, so that all of them cost it one call.
    """

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        following = getattr(get_response, "__wrapped__", None)  # Django wraps each: convert_exception_to_response
        self.skip_to: Any = following.skip_to if isinstance(following, AdminOnly) else get_response

    def __call__(self, request: HttpRequest) -> Any:
        """Run the middleware for an admin page, or skip it and its likes."""
        if is_admin(request):
            return super().__call__(request)
        return self.skip_to(request)


class AdminSecurityMiddleware(AdminOnly, SecurityMiddleware):
    """Sets Referrer-Policy and Cross-Origin-Opener-Policy."""


class AdminSessionMiddleware(AdminOnly, SessionMiddleware):
    """Opens the session of who is signed in."""


class AdminCommonMiddleware(AdminOnly, CommonMiddleware):
    """Appends a missing slash."""


class AdminCsrfMiddleware(AdminOnly, CsrfViewMiddleware):
    """Refuses a POST without a CSRF token."""

    def process_view(self, request: HttpRequest, callback: Any, args: Any, kwargs: Any) -> HttpResponseForbidden | None:
        """Check an admin page only: the API carries no cookie that another site could use."""
        if is_admin(request):
            return super().process_view(request, callback, args, kwargs)
        return None


class AdminAuthenticationMiddleware(AdminOnly, AuthenticationMiddleware):
    """Sets ``request.user``."""


class AdminMessageMiddleware(AdminOnly, MessageMiddleware):
    """Keeps messages for the next page."""


class AdminXFrameOptionsMiddleware(AdminOnly, XFrameOptionsMiddleware):
    """Sets X-Frame-Options."""


class AdminConnectionMiddleware:
    """Closes database connections that are dead or past their age, before and after a page that uses them.

    Django's own signals would do so for every request of the API too (``apps.tenancy.apps``).
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on with connections that are good."""
        if not is_admin(request):
            return self.get_response(request)
        _close_old_connections()
        try:
            return self.get_response(request)
        finally:
            _close_old_connections()


def _close_old_connections() -> None:
    if not connection.in_atomic_block:  # a test's own transaction
        close_old_connections()
