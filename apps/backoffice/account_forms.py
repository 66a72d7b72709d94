"""What is sent about accounts of staff: invitations and passwords. Every form is a POST with a CSRF token."""

from typing import Any, Final

from django import forms
from django.contrib.auth.forms import SetPasswordForm

from apps.backoffice.text_fields import TextField
from apps.tenancy.invitations import EMAIL_MAX_CHARS
from apps.tenancy.models import StaffRole, Tenant
from apps.tenancy.second_factors import CODE_MAX_CHARS
from apps.tenancy.security_keys import NAME_MAX_CHARS, RESPONSE_MAX_CHARS
from resale.domain.text import TextKind

_CODE: Final = {"class": "bo-input", "autocomplete": "one-time-code", "autocapitalize": "off", "spellcheck": "false"}


class InvitationForm(forms.Form):
    """An invitation to the staff of a tenant."""

    tenant = forms.ModelChoiceField(
        Tenant.objects.order_by("slug"), to_field_name="slug", widget=forms.Select(attrs={"class": "bo-input"})
    )
    email = TextField(
        TextKind.LINE,
        label="E-mail",
        max_length=EMAIL_MAX_CHARS,
        widget=forms.EmailInput(attrs={"class": "bo-input", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(choices=StaffRole.choices, widget=forms.Select(attrs={"class": "bo-input"}))


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A password that its user chooses, held to Django's validators."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "bo-input"


class CodeForm(forms.Form):
    """A code of an authenticator app, or a recovery code."""

    code = forms.CharField(label="Code", max_length=CODE_MAX_CHARS, widget=forms.TextInput(attrs=_CODE))


class KeySignInForm(forms.Form):
    """What the browser made of a challenge with a security key: JSON, which a script fills in."""

    response = TextField(
        TextKind.CODE,
        max_length=RESPONSE_MAX_CHARS,
        widget=forms.HiddenInput(),
        error_messages={"required": "The browser sent nothing of a security key. It needs JavaScript for that."},
    )


class KeyRegistrationForm(KeySignInForm):
    """A new security key and its name."""

    name = TextField(
        TextKind.LINE,
        label="Name of the key",
        max_length=NAME_MAX_CHARS,
        help_text="By which you know it: &ldquo;Blue key&rdquo;, &ldquo;Laptop&rdquo;.",
        widget=forms.TextInput(attrs={"class": "bo-input", "autocomplete": "off"}),
    )
