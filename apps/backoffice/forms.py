"""What staff and operators can send. Every form but a search is a POST with a CSRF token."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from django import forms

from apps.tenancy.keys import SCOPES
from apps.tenancy.models import KeyKind, Kind, Provider
from resale.application.operations.listings import Decision, Moderation
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection
from resale.domain.tenants import Policies

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


class DiscardForm(forms.Form):
    """Why a message is given up."""

    reason = forms.CharField(
        min_length=3,
        max_length=_NOTE_CHARS,
        error_messages={"required": "Say why, for whoever asks later."},
        widget=forms.Textarea(attrs={"rows": 3, "class": "bo-input"}),
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


class PoliciesForm(forms.Form):
    """A shop's timers and rates, with the names and bounds that the domain gives them."""

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="policy_%s", **kwargs)
        self.fields.update(_whole_numbers(Policies))

    def policies(self) -> Policies:
        """Say it as the registry takes it."""
        return Policies(**self.cleaned_data)


class ConnectionForm(forms.Form):
    """A connection to a partner. It names a secret; the secret itself is never typed in here."""

    kind = forms.ChoiceField(label="For", choices=Kind.choices, widget=forms.Select(attrs={"class": "bo-input"}))
    provider = forms.ChoiceField(choices=Provider.choices, widget=forms.Select(attrs={"class": "bo-input"}))
    secret_name = forms.CharField(
        max_length=128, required=False, widget=forms.TextInput(attrs={"class": "bo-input", "autocomplete": "off"})
    )

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="connect_%s", **kwargs)
        self.fields.update(_whole_numbers(Connection))

    def connection(self, connection_id: str) -> Connection:
        """Say it as the registry takes it."""
        fields = {**self.cleaned_data, "secret_name": self.cleaned_data["secret_name"] or None}
        return msgspec.convert({**fields, "id": ConnectionId(connection_id)}, Connection)


def _whole_numbers(kind: type[msgspec.Struct]) -> Iterator[tuple[str, forms.IntegerField]]:
    """Make a field of each bounded number of a struct."""
    (described,) = (body for name, body in msgspec.json.schema(kind)["$defs"].items() if name == kind.__name__)
    for name, body in described["properties"].items():
        if body.get("type") == "integer":
            yield (
                name,
                forms.IntegerField(
                    min_value=body["minimum"],
                    max_value=body["maximum"],
                    initial=body["default"],
                    widget=forms.NumberInput(attrs={"class": "bo-input"}),
                ),
            )
