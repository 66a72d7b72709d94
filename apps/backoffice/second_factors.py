"""The second step of the sign-in, setting up an app, and resetting a factor. Attempts are counted as sign-ins are."""

from typing import Any, Final

import segno
from cryptography.fernet import InvalidToken
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from apps.backoffice.account_forms import CodeForm, KeySignInForm
from apps.backoffice.factor_pages import FactorChange, FactorPage, FactorSettings
from apps.backoffice.factor_sessions import is_passed, mark_confirmed, mark_passed
from apps.backoffice.key_challenges import prompt_sign_in, take_sign_in
from apps.backoffice.pages import OperatorPage
from apps.core import clock
from apps.tenancy import second_factors, security_keys, sign_ins
from apps.tenancy.models import User
from apps.tenancy.second_factors import SecondFactorCodeRefused
from apps.tenancy.security_keys import SecurityKeyRefused

_NEW_SECRET: Final = "second_factor_secret"  # noqa: S105 - in the session, encrypted: of an app that proves it next


class FactorCheck(FactorPage):
    """A page that the user passes with a code or a security key."""

    title: str

    def check(self) -> HttpResponse:
        """Check what was sent: the response of a key, or a code."""
        by_key = "response" in self.request.POST
        state = take_sign_in(self.request) if by_key else None
        form = KeySignInForm(self.request.POST) if by_key else CodeForm(self.request.POST)
        refused = self.count()
        if refused is not None:
            return refused
        if not form.is_valid():
            return self.show(form, status=422)
        if not (self.is_key_right(form, state) if by_key else self.is_code_right(form)):
            return self.show(form, status=422)
        sign_ins.reset_attempts(self.attempt())
        self.mark()
        return self.go_on()

    def is_code_right(self, form: Form) -> bool:
        """Whether the code is the app's or a recovery code; if not, the form has the error."""
        code = form.cleaned_data["code"]
        right = second_factors.verify(user=self.user, code=code, now=clock.for_platform())
        if not right:
            form.add_error("code", SecondFactorCodeRefused.default_detail)
        return right

    def is_key_right(self, form: Form, state: Any) -> bool:
        """Whether the response is of one of the user's keys, to this session's challenge; if not, the form has it."""
        party = security_keys.relying_party()
        right = (
            state is not None
            and party is not None
            and security_keys.verify(
                user=self.user,
                party=party,
                state=state,
                response=form.cleaned_data["response"],
                now=clock.for_platform(),
            )
        )
        if not right:
            form.add_error(None, SecurityKeyRefused.default_detail)
        return right

    def mark(self) -> None:
        """Note in the session that the factor was passed."""
        mark_passed(self.request, self.user)

    def show(self, form: Form, *, status: int = 200) -> HttpResponse:
        """Show the forms; the one that was not sent is empty."""
        code_form = form if isinstance(form, CodeForm) else CodeForm()
        return self.page(
            "second_factor",
            title=self.title,
            status=status,
            form=code_form,
            key_errors=() if form is code_form else form.non_field_errors(),
            prompt=prompt_sign_in(self.request, self.user),
            confirms=is_passed(self.request, self.user),
        )


class Verification(FactorCheck):
    """``/admin/second_factor/``."""

    title = "Two-factor sign-in"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask for the factor, or lead on."""
        if is_passed(request, self.user):
            return self.go_on()
        if not self.user.has_second_factor:
            return redirect(f"{reverse('admin:second-factor-enrolment')}?{request.GET.urlencode()}")
        return self.show(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Check a code or a key."""
        if is_passed(request, self.user) or not self.user.has_second_factor:
            return self.get(request)
        return self.check()


class Confirmation(FactorSettings, FactorCheck):
    """``/admin/second_factor/confirmation/``: pass the present factor again, to change it."""

    title = "Confirm that it is you"

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Ask for the factor, if there is one."""
        return self.show(CodeForm()) if self.user.has_second_factor else self.go_on()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Check a code or a key."""
        return self.check() if self.user.has_second_factor else self.get(request)

    def mark(self) -> None:
        """Note in the session that one change can follow."""
        mark_confirmed(self.request, self.user, clock.for_platform())


class Enrolment(FactorChange):
    """``/admin/second_factor/enrolment/``: set up an app, or another one in its place."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the QR code of a new secret."""
        secret = second_factors.new_secret()
        request.session[_NEW_SECRET] = second_factors.encrypt_secret(secret)
        return self.show(CodeForm(), secret)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Check that the app has the secret, and show the recovery codes, this once."""
        secret = self.secret()
        if secret is None:
            return redirect("admin:second-factor-enrolment")
        form = CodeForm(request.POST)
        refused = self.count()
        if refused is not None:
            return refused
        if not form.is_valid():
            return self.show(form, secret, status=422)
        code = form.cleaned_data["code"]
        try:
            codes = second_factors.enrol(user=self.user, secret=secret, code=code, now=clock.for_platform())
        except SecondFactorCodeRefused as error:
            form.add_error("code", error.detail)
            return self.show(form, secret, status=422)
        del request.session[_NEW_SECRET]
        self.keep_session()
        return self.page("recovery_codes", title="Your recovery codes", codes=codes)

    def secret(self) -> bytes | None:
        """Return the secret that this session was shown; None when there is none."""
        try:
            return second_factors.decrypt_secret(str(self.request.session.get(_NEW_SECRET, "")))
        except InvalidToken:
            return None

    def show(self, form: CodeForm, secret: bytes, *, status: int = 200) -> HttpResponse:
        """Show the secret and the form."""
        return self.page(
            "second_factor_enrolment",
            title="Set up an authenticator app",
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
