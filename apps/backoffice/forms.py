"""What staff and operators can send. Every form but a search is a POST with a CSRF token."""

from typing import Any, Final

from django import forms

from apps.tenancy.keys import SCOPES
from apps.tenancy.models import KeyKind
from resale.application.operations.listings import Decision, Moderation

#: What sellers are told most often; each is sent as it reads here.
REASONS: Final = (
    "The photos do not show the whole item.",
    "A photo is blurred, dark or shows something else.",
    "The condition is not described as the photos show it.",
    "The description or the title does not fit the item.",
    "The price does not fit the item.",
    "This product cannot be sold here.",
    "The item does not seem to be genuine.",
)
_NOTE_CHARS: Final = 500  # resale.domain.listings.Reason


class VersionForm(forms.Form):
    """The version that was looked at: what changed since is not acted on unseen."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class ApprovalForm(VersionForm):
    """A yes, on what was looked at."""

    def moderation(self) -> Moderation:
        """Say it as the operation takes it."""
        return Moderation(decision=Decision.APPROVE, version=self.cleaned_data["version"])


class ReturnForm(VersionForm):
    """A no, for good or until it is mended, with what the seller is told."""

    decision = forms.ChoiceField(
        choices=[(one.value, one.value) for one in (Decision.REQUEST_CHANGES, Decision.REJECT)]
    )
    reasons = forms.MultipleChoiceField(
        choices=[(str(number), text) for number, text in enumerate(REASONS)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    note = forms.CharField(
        max_length=_NOTE_CHARS, required=False, widget=forms.Textarea(attrs={"rows": 3, "class": "bo-input"})
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a no without a word."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("reasons") and not cleaned.get("note") and "note" not in self.errors:
            raise forms.ValidationError("Tell the seller why: choose a reason or write one.")
        return cleaned

    def moderation(self) -> Moderation:
        """Say it as the operation takes it: chosen reasons first, then the own words."""
        said = [REASONS[int(number)] for number in self.cleaned_data["reasons"]]
        note = self.cleaned_data["note"].strip()
        return Moderation(
            decision=Decision(self.cleaned_data["decision"]),
            reasons=(*said, *([note] if note else [])),
            version=self.cleaned_data["version"],
        )


class KeyForm(forms.Form):
    """A new API key. ``once`` makes sending the form twice issue one key."""

    kind = forms.ChoiceField(choices=KeyKind.choices, widget=forms.Select(attrs={"class": "bo-input"}))
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in sorted(SCOPES)], required=False, widget=forms.CheckboxSelectMultiple
    )
    once = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Refuse a secret key that may do nothing."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == KeyKind.SECRET and not cleaned.get("scopes"):
            raise forms.ValidationError("Choose what the secret key may do.")
        return cleaned
