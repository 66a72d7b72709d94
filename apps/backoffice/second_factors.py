"""The second step of the sign-in, and setting it up. Attempts are counted as sign-ins are."""

from typing import Any, Final

import segno
from cryptography.fernet import InvalidToken
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe

from apps.backoffice.account_forms import CodeForm, EnrolmentForm
from apps.backoffice.factor_sessions import is_passed, mark_passed, staff_user
from apps.backoffice.open_pages import OpenPage
from apps.backoffice.pages import OperatorPage
from apps.backoffice.sign_in import render_too_many_attempts
from apps.core import clock
from apps.core.client_ip import client_address
from apps.tenancy import second_factors, sign_ins
from apps.tenancy.models import User
from apps.tenancy.second_factors import SecondFactorCodeRefused
from apps.tenancy.sign_ins import Attempt

_NEW_SECRET: Final = "second_factor_secret"  # noqa: S105 - in the session, encrypted: of an app that proves it next


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
        """Count an attempt before its code is looked at; a response when there were too many."""
        seconds = sign_ins.count_attempt(self.attempt(), now=clock.for_platform())
        return None if seconds is None else render_too_many_attempts(self.request, seconds)


class Verification(FactorPage):
    """``/admin/second_factor/``."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask for a code, or lead on."""
        if is_passed(request, self.user):
            return self.go_on()
        if not self.user.has_second_factor:
            return redirect(f"{reverse('admin:second-factor-enrolment')}?{request.GET.urlencode()}")
        return self.show(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Check a code."""
        if is_passed(request, self.user) or not self.user.has_second_factor:
            return self.get(request)
        form = CodeForm(request.POST)
        refused = self.count()
        if refused is not None:
            return refused
        if not form.is_valid():
            return self.show(form, status=422)
        code = form.cleaned_data["code"]
        if not second_factors.verify(user=self.user, code=code, now=clock.for_platform()):
            form.add_error("code", SecondFactorCodeRefused.default_detail)
            return self.show(form, status=422)
        sign_ins.reset_attempts(self.attempt())
        mark_passed(request, self.user)
        return self.go_on()

    def show(self, form: CodeForm, *, status: int = 200) -> HttpResponse:
        """Show the form."""
        return self.page("second_factor", title="Two-factor sign-in", status=status, form=form)


class Enrolment(FactorPage):
    """``/admin/second_factor/enrolment/``: set up an app, or another one in its place."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let nobody replace a factor that they did not pass."""
        user = staff_user(request)
        if user is not None and user.has_second_factor and not is_passed(request, user):
            return redirect("admin:second-factor")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the QR code of a new secret."""
        secret = second_factors.new_secret()
        request.session[_NEW_SECRET] = second_factors.encrypt_secret(secret)
        return self.show(EnrolmentForm(replaces=self.user.has_second_factor), secret)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Check that the app has the secret, and show the recovery codes, this once."""
        secret = self.secret()
        if secret is None:
            return redirect("admin:second-factor-enrolment")
        form = EnrolmentForm(request.POST, replaces=self.user.has_second_factor)
        refused = self.count()
        if refused is not None:
            return refused
        if not form.is_valid():
            return self.show(form, secret, status=422)
        now = clock.for_platform()
        current = form.cleaned_data.get("current")
        if current is not None and not second_factors.verify(user=self.user, code=current, now=now):
            form.add_error("current", SecondFactorCodeRefused.default_detail)
            return self.show(form, secret, status=422)
        try:
            codes = second_factors.enrol(user=self.user, secret=secret, code=form.cleaned_data["code"], now=now)
        except SecondFactorCodeRefused as error:
            form.add_error("code", error.detail)
            return self.show(form, secret, status=422)
        self.pass_factor()
        return self.page("recovery_codes", title="Your recovery codes", codes=codes)

    def pass_factor(self) -> None:
        """Keep this session; the user's others end."""
        del self.request.session[_NEW_SECRET]
        sign_ins.reset_attempts(self.attempt())
        user = User.objects.get(pk=self.user.pk)
        self.request.user = user
        update_session_auth_hash(self.request, user)
        mark_passed(self.request, user)

    def secret(self) -> bytes | None:
        """Return the secret that this session was shown; None when there is none."""
        try:
            return second_factors.decrypt_secret(str(self.request.session.get(_NEW_SECRET, "")))
        except InvalidToken:
            return None

    def show(self, form: EnrolmentForm, secret: bytes, *, status: int = 200) -> HttpResponse:
        """Show the secret and the form."""
        return self.page(
            "second_factor_enrolment",
            title="Set up two-factor sign-in",
            status=status,
            form=form,
            picture=_qr_code(second_factors.enrolment_uri(secret, self.user)),
            secret=second_factors.typed_secret(secret),
            required=not is_passed(self.request, self.user),
        )


class FactorReset(OperatorPage):
    """``/admin/users/{object_id}/second_factor/``: for a user who lost their factor."""

    def back(self) -> str:
        """Look at the user."""
        return reverse("admin:tenancy_user_change", args=[self.kwargs["object_id"]])

    def get(self, request: HttpRequest, object_id: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Ask to confirm."""
        return self.page("registry/second_factor", title="Reset the second factor", account=_find_account(object_id))

    def post(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Reset it."""
        operator = request.user if isinstance(request.user, User) else None
        second_factors.reset(user=_find_account(object_id), reset_by=operator)
        messages.success(request, "The second factor is reset, and the user's sessions are ended.")
        return redirect(self.back())


def _find_account(object_id: str) -> User:
    return get_object_or_404(User, pk=int(object_id) if object_id.isdecimal() else 0)


def _qr_code(text: str) -> SafeString:
    """Draw a QR code; black on white in the dark theme, too, as cameras read nothing else reliably."""
    drawn = segno.make(text, micro=False).svg_inline(scale=4, dark="#000", light="#fff")
    return mark_safe(drawn)  # noqa: S308 - paths and numbers that segno drew
