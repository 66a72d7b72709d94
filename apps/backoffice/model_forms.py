"""Forms of the ModelAdmins: accounts, passwords and tenants."""

import json
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.forms import AdminPasswordChangeForm, UserCreationForm


class NewUserForm(UserCreationForm):  # type: ignore[misc]  # unfold ships no types
    """A new account. Its password is always set here: there is no other way to sign in."""

    usable_password = None


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[misc]  # as above
    """A new password for somebody else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)


class TenantForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A tenant's settings. ``Tenant.clean`` also checks what is not in the form: that is told above all fields."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Add an error to its field, or to the whole form when the field is not shown."""
        if field is not None or not isinstance(error, ValidationError) or not hasattr(error, "error_dict"):
            super().add_error(field, error)
            return
        for name, errors in error.error_dict.items():
            if name in self.fields:
                super().add_error(name, errors)
            else:
                super().add_error(None, [f"{name}: {text}" for text in _texts(errors)])


class IndentedJSON(json.JSONEncoder):
    """JSON as a person edits it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})


def _texts(errors: Iterable[ValidationError]) -> list[str]:
    return [text for error in errors for text in error.messages]
