"""The operator's page of features: how far each is released, when its next wave begins, and the hold of a schedule."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.pages import OperatorPage
from apps.backoffice.tenant_forms import reason_field
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.feature_schedules import hold_feature, resume_feature, view_of
from apps.tenancy.models import EntitlementChange, User
from resale.domain.features import FEATURES, Feature
from resale.errors import Outcome

_ACTIONS: Final[Mapping[str, str]] = {"hold": "Hold the schedule", "resume": "Resume the schedule"}
_INPUT: Final = {"class": "bo-input"}
_CHANGES_SHOWN: Final = 20


class ScheduleForm(forms.Form):
    """The hold of a feature's schedule, or its end."""

    name = forms.ChoiceField(
        label="Feature", choices=[(one.value, one.value) for one in Feature], widget=forms.Select(attrs=_INPUT)
    )
    action = forms.ChoiceField(label="Action", choices=list(_ACTIONS.items()), widget=forms.Select(attrs=_INPUT))

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="schedule_%s", **kwargs)
        self.fields["reason"] = reason_field()


class FeatureReleases(OperatorPage):
    """``/admin/features/``."""

    def back(self) -> str:
        """Return to this page."""
        return reverse("admin:features")

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show the features, and the form of a hold."""
        return self.show(ScheduleForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Hold or resume a schedule."""
        form = ScheduleForm(request.POST)
        if not form.is_valid():
            return self.show(form, status=422)
        try:
            self.change(form.cleaned_data)
        except Outcome as refusal:
            form.add_error(None, refusal.detail)
            return self.show(form, status=422)
        except ValidationError as refusal:
            form.add_error(None, refusal.messages)
            return self.show(form, status=422)
        messages.success(request, "The schedule is changed. Who has the feature keeps it.")
        return redirect(self.back())

    def change(self, chosen: Mapping[str, Any]) -> None:
        """Change the schedule. Raises Outcome or ValidationError."""
        user = self.request.user
        cause = Cause(by=user.staff_id if isinstance(user, User) else "", reason=chosen["reason"])
        change = hold_feature if chosen["action"] == "hold" else resume_feature
        change(feature=Feature(chosen["name"]), cause=cause)

    def show(self, form: ScheduleForm, *, status: int = 200) -> HttpResponse:
        """Show the page."""
        return self.page(
            "features",
            title="Features",
            status=status,
            features=[(declared, view_of(feature)) for feature, declared in FEATURES.items()],
            form=form,
            changes=EntitlementChange.objects.filter(tenant=None, subject__startswith="feature:")[:_CHANGES_SHOWN],
        )
