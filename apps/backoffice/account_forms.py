"""What is sent about accounts of staff: invitations and passwords. Every form is a POST with a CSRF token."""

from typing import Any, Final

from django import forms
from django.contrib.auth.forms import SetPasswordForm

from apps.backoffice.text_fields import TextField
from apps.tenancy.invitations import EMAIL_MAX_CHARS
from apps.tenancy.models import StaffRole, Tenant
from apps.tenancy.second_factors import CODE_MAX_CHARS
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


class EnrolmentForm(forms.Form):
    """The first code of an app, and one of the present app when it is replaced."""

    current = forms.CharField(
        label="Code of the present app, or a recovery code",
        max_length=CODE_MAX_CHARS,
        widget=forms.TextInput(attrs=_CODE),
    )
    code = forms.CharField(label="Code of the new app", max_length=CODE_MAX_CHARS, widget=forms.TextInput(attrs=_CODE))

    def __init__(self, *args: Any, replaces: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not replaces:
            del self.fields["current"]
            self.fields["code"].label = "Code"
