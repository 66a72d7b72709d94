"""What the pages of the second factor share: who reaches them, how attempts are counted, and what a change leads to."""

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from apps.backoffice.factor_sessions import is_passed, mark_passed, may_change, staff_user
from apps.backoffice.open_pages import OpenPage
from apps.backoffice.sign_in import render_too_many_attempts
from apps.core import clock
from apps.core.client_ip import client_address
from apps.tenancy import sign_ins
from apps.tenancy.models import User
from apps.tenancy.sign_ins import Attempt


class FactorPage(OpenPage):
    """A page of the second factor, for whoever signed in with a password."""

    user: User

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let in whose password was right."""
        user = staff_user(request)
        if user is None:
            return redirect_to_login(reverse("admin:index"), reverse("admin:login"))
        self.user = user
        return super().dispatch(request, *args, **kwargs)

    def go_on(self) -> HttpResponse:
        """Go where the sign-in was on its way to."""
        target = self.request.GET.get("next", "")
        own = url_has_allowed_host_and_scheme(
            target, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )
        return redirect(target if own else reverse("admin:index"))

    def attempt(self) -> Attempt:
        """Name an attempt: ten in 15 minutes for an account, from wherever; its password was right before."""
        return Attempt(self.user.staff_id, client_address(self.request), f"second factor {self.user.staff_id}")

    def count(self) -> HttpResponse | None:
        """Count an attempt before what it proves is looked at; a response when there were too many."""
        seconds = sign_ins.count_attempt(self.attempt(), now=clock.for_platform())
        return None if seconds is None else render_too_many_attempts(self.request, seconds)


class FactorSettings(FactorPage):
    """A page about the user's own factor, for whoever passed it, or has none yet."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let nobody see or change a factor that they did not pass."""
        user = staff_user(request)
        if user is not None and user.has_second_factor and not is_passed(request, user):
            return redirect("admin:second-factor")
        return super().dispatch(request, *args, **kwargs)


class FactorChange(FactorSettings):
    """A page that changes the user's factor, after they confirmed with the present one."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask for the present factor first."""
        user = staff_user(request)
        if user is not None and is_passed(request, user) and not may_change(request, user, clock.for_platform()):
            query = urlencode({"next": request.path})
            return redirect(f"{reverse('admin:second-factor-confirmation')}?{query}")
        return super().dispatch(request, *args, **kwargs)

    def keep_session(self) -> None:
        """Keep this session after the change; the user's others end. The next change needs another confirmation."""
        sign_ins.reset_attempts(self.attempt())
        user = User.objects.get(pk=self.user.pk)
        self.request.user = user
        update_session_auth_hash(self.request, user)
        mark_passed(self.request, user)
