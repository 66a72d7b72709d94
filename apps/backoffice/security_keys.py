"""The user's own security keys and passkeys: the list of factors, a new key, and the removal of one."""

from typing import Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.account_forms import KeyRegistrationForm
from apps.backoffice.factor_pages import FactorChange, FactorSettings
from apps.backoffice.factor_sessions import is_passed
from apps.backoffice.key_challenges import prompt_registration, take_registration
from apps.core import clock
from apps.tenancy import security_keys
from apps.tenancy.models import RecoveryCode, SecurityKey
from apps.tenancy.second_factors import has_app
from apps.tenancy.security_keys import MOST_KEYS, SecondFactorNeeded, SecurityKeyNotFound
from resale.errors import Rejected

_EXPIRED: Final = (
    "Nothing is registered: the page was open for too long, or another one was opened after it. Repeat it here."
)


class FactorMethods(FactorSettings):
    """``/admin/second_factor/methods/``: what the user signs in with, beside the password."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show app, keys and how many recovery codes are left."""
        factor = getattr(self.user, "second_factor", None)
        return self.page(
            "second_factor_methods",
            title="Two-factor sign-in",
            has_app=factor is not None and has_app(factor),
            keys=security_keys.list_keys(self.user),
            most_keys=MOST_KEYS,
            recovery_codes=RecoveryCode.objects.filter(factor=factor).count(),
            required=not is_passed(self.request, self.user),
        )


class KeyRegistration(FactorChange):
    """``/admin/second_factor/keys/``: register a security key or passkey."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show the form with a new challenge."""
        return self.show(KeyRegistrationForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Verify what the browser made of the challenge, and show the recovery codes where they are new."""
        state, party = take_registration(request), security_keys.relying_party()
        if state is None or party is None:
            messages.error(request, _EXPIRED)
            return redirect("admin:security-keys")
        form = KeyRegistrationForm(request.POST)
        refused = self.count()
        if refused is not None:
            return refused
        if not form.is_valid():
            return self.show(form, status=422)
        name, response = form.cleaned_data["name"], form.cleaned_data["response"]
        try:
            codes = security_keys.register(
                user=self.user, party=party, state=state, response=response, name=name, now=clock.for_platform()
            )
        except Rejected as error:
            form.add_error(None, error.detail)
            return self.show(form, status=422)
        self.keep_session()
        if codes:
            return self.page("recovery_codes", title="Your recovery codes", codes=codes)
        messages.success(request, f"The security key {name} is registered, and your other sessions are ended.")
        return redirect("admin:second-factor-methods")

    def show(self, form: KeyRegistrationForm, *, status: int = 200) -> HttpResponse:
        """Show the form."""
        return self.page(
            "security_key",
            title="Add a security key or passkey",
            status=status,
            form=form,
            prompt=prompt_registration(self.request, self.user),
            required=not is_passed(self.request, self.user),
        )


class KeyRemoval(FactorChange):
    """``/admin/second_factor/keys/{security_key_id}/removal/``."""

    def get(self, request: HttpRequest, security_key_id: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Ask to confirm."""
        return self.show(self.find(security_key_id))

    def post(self, request: HttpRequest, security_key_id: str) -> HttpResponse:
        """Remove it."""
        key = self.find(security_key_id)
        try:
            security_keys.remove(user=self.user, key_id=key.id)
        except SecondFactorNeeded as error:
            return self.show(key, error=error.detail, status=422)
        except SecurityKeyNotFound as error:
            raise Http404 from error
        self.keep_session()
        messages.success(request, f"The security key {key.name} is removed, and your other sessions are ended.")
        return redirect("admin:second-factor-methods")

    def find(self, key_id: str) -> SecurityKey:
        """Return the user's own key, or respond that there is none."""
        try:
            return security_keys.find(user=self.user, key_id=key_id)
        except SecurityKeyNotFound as error:
            raise Http404 from error

    def show(self, key: SecurityKey, *, error: str = "", status: int = 200) -> HttpResponse:
        """Ask to confirm."""
        return self.page("security_key_removal", title="Remove a security key", status=status, key=key, error=error)
