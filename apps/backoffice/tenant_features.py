"""The operator's page of one tenant's features: what it has, and what its brand chose."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from apps.backoffice.tenant_forms import reason_field
from apps.backoffice.tenants import TenantPages
from apps.tenancy import feature_changes
from apps.tenancy.features import features_of_row, load_releases, subscriber_of
from apps.tenancy.models import Tenant
from resale.domain.entitlements import ENTITLEMENTS, Delivery
from resale.domain.features import FEATURES, Choice, Declaration, Feature, Release, default_release
from resale.errors import Outcome

_ACTIONS: Final[Mapping[str, str]] = {
    "opt-in": "Opt in",
    "pin": "Pin off until a date",
    "unpin": "End the pin",
}
_INPUT: Final = {"class": "bo-input"}


class ShownFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A feature as the page shows it."""

    name: str
    declared: Declaration
    release: Release
    choice: Choice
    is_on: bool


class FeatureForm(forms.Form):
    """What a brand chose about a feature."""

    name = forms.ChoiceField(
        label="Feature", choices=[(one.value, one.value) for one in Feature], widget=forms.Select(attrs=_INPUT)
    )
    action = forms.ChoiceField(label="Choice", choices=list(_ACTIONS.items()), widget=forms.Select(attrs=_INPUT))
    until = forms.DateField(
        required=False,
        label="Pinned until",
        help_text="The last day on which the feature is off. For a pin only.",
        widget=forms.DateInput(attrs={**_INPUT, "type": "date"}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="feature_%s", **kwargs)
        self.fields["reason"] = reason_field()

    def clean(self) -> dict[str, Any]:
        """Require the date of a pin."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("action") == "pin" and not cleaned.get("until") and "until" not in self.errors:
            raise forms.ValidationError("Enter the date until which the feature is pinned off.")
        return cleaned


class TenantFeatures(TenantPages):
    """``/admin/tenants/{slug}/features/``."""

    def back(self) -> str:
        """Return to this page."""
        return reverse("admin:tenant-features", kwargs={"slug": self.kwargs["slug"]})

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show the features, and the form of a choice."""
        return self.show_features(slug, FeatureForm())

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Store a choice."""
        form = FeatureForm(request.POST)
        if not form.is_valid():
            return self.show_features(slug, form, status=422)
        try:
            self.choose(slug, form.cleaned_data)
        except Outcome as refusal:
            form.add_error(None, refusal.detail)
            return self.show_features(slug, form, status=422)
        except ValidationError as refusal:
            form.add_error(None, refusal.messages)
            return self.show_features(slug, form, status=422)
        self.note("feature choice changed", feature=form.cleaned_data["name"], action=form.cleaned_data["action"])
        messages.success(request, "The choice is stored. Other processes follow within 30 seconds.")
        return redirect(self.back())

    def choose(self, slug: str, chosen: Mapping[str, Any]) -> None:
        """Store what was chosen. Raises Outcome or ValidationError."""
        feature, cause = Feature(chosen["name"]), self.cause(chosen["reason"])
        match chosen["action"]:
            case "opt-in":
                feature_changes.opt_in(slug=slug, feature=feature, cause=cause)
            case "pin":
                feature_changes.pin_feature(slug=slug, feature=feature, until=chosen["until"], cause=cause)
            case _:
                feature_changes.unpin_feature(slug=slug, feature=feature, cause=cause)

    def show_features(self, slug: str, form: FeatureForm, *, status: int = 200) -> HttpResponse:
        """Show the page."""
        tenant = get_object_or_404(Tenant, slug=slug)
        chooses = ENTITLEMENTS[subscriber_of(tenant).tier].delivery == Delivery.CHOICE
        return self.page(
            "tenant_features",
            title=f"Features of {tenant.name}",
            status=status,
            tenant=tenant,
            features=list(_show_features(tenant)),
            form=form if chooses else None,
            changes=tenant.entitlement_changes.filter(subject__startswith="feature:")[:20],
        )


def _show_features(tenant: Tenant) -> Iterator[ShownFeature]:
    releases = load_releases()
    enabled, choices = features_of_row(tenant, releases), subscriber_of(tenant).choices
    for feature, declared in FEATURES.items():
        yield ShownFeature(
            name=feature.value,
            declared=declared,
            release=releases.get(feature) or default_release(feature),
            choice=choices.get(feature, Choice()),
            is_on=feature in enabled,
        )
