"""What operators send about a tenant: keys, policies and connections. Every form is a POST with a CSRF token."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from django import forms

from apps.backoffice.display_text import label_of
from apps.backoffice.text_fields import TextField
from apps.tenancy.entitlement_changes import REASON_CHARS
from apps.tenancy.models import KeyKind, Kind, Provider
from apps.tenancy.scopes import Scope
from resale.domain.entitlements import ENTITLEMENTS, Limits, Tier
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection
from resale.domain.policies import Policies
from resale.domain.text import TextKind


def reason_field() -> TextField:
    """Return the field for the reason of a change, which is recorded with it."""
    return TextField(
        TextKind.LINE,
        max_length=REASON_CHARS,
        label="Reason of the change",
        help_text="It is recorded with the change.",
        widget=forms.TextInput(attrs={"class": "bo-input", "autocomplete": "off"}),
    )


class KeyForm(forms.Form):
    """A new API key. ``once`` makes sending the form twice issue one key."""

    kind = forms.ChoiceField(choices=KeyKind.choices, widget=forms.Select(attrs={"class": "bo-input"}))
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in sorted(Scope)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    once = TextField(TextKind.LINE, max_length=64, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Refuse a secret key that may do nothing."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == KeyKind.SECRET and not cleaned.get("scopes"):
            raise forms.ValidationError("Choose the scopes of the secret key.")
        return cleaned


class PoliciesForm(forms.Form):
    """A shop's own rules, with the names and bounds that the domain gives them."""

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="policy_%s", **kwargs)
        self.fields.update(_whole_numbers(Policies))
        self.fields.update(_switches(Policies))
        self.fields.update(_choices(Policies))
        self.fields.update(_tables(Policies))

    def clean(self) -> dict[str, Any]:
        """Refuse policies that contradict each other."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                msgspec.convert(cleaned, Policies)
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    def policies(self) -> Policies:
        """Say it as the registry takes it."""
        return msgspec.convert(self.cleaned_data, Policies)


class LimitsForm(forms.Form):
    """Limits of a tenant's requests that differ from its tier's. An empty field is the tier's limit."""

    def __init__(self, data: Mapping[str, Any] | None = None, *, tier: Tier, **kwargs: Any) -> None:
        super().__init__(data, auto_id="limit_%s", **kwargs)
        included = ENTITLEMENTS[tier].limits
        for name, body in _describe(Limits).items():
            usual = getattr(included, name)
            self.fields[name] = forms.IntegerField(
                required=False,
                min_value=body["minimum"],
                max_value=body["maximum"],
                help_text=f"{body['description']} {tier.value.capitalize()}: {usual}.",
                widget=forms.NumberInput(attrs={"class": "bo-input", "placeholder": usual}),
            )
        self.fields["reason"] = reason_field()

    def limits(self) -> dict[str, int]:
        """Return the limits that differ, by name."""
        named = {name: self.cleaned_data[name] for name in Limits.__struct_fields__}
        return {name: value for name, value in named.items() if value is not None}


class ConnectionForm(forms.Form):
    """A connection to a partner. It names a secret; the secret itself is never typed in here."""

    kind = forms.ChoiceField(label="For", choices=Kind.choices, widget=forms.Select(attrs={"class": "bo-input"}))
    provider = forms.ChoiceField(choices=Provider.choices, widget=forms.Select(attrs={"class": "bo-input"}))
    secret_name = TextField(
        TextKind.LINE,
        max_length=128,
        required=False,
        widget=forms.TextInput(attrs={"class": "bo-input", "autocomplete": "off"}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="connect_%s", **kwargs)
        self.fields.update(_whole_numbers(Connection))

    def connection(self, connection_id: str) -> Connection:
        """Say it as the registry takes it."""
        fields = {**self.cleaned_data, "secret_name": self.cleaned_data["secret_name"] or None}
        return msgspec.convert({**fields, "id": ConnectionId(connection_id)}, Connection)


def _switches(kind: type[msgspec.Struct]) -> Iterator[tuple[str, forms.BooleanField]]:
    """Make a field of each yes or no of a struct."""
    for name, body in _describe(kind).items():
        if body.get("type") == "boolean":
            yield (
                name,
                forms.BooleanField(required=False, initial=body["default"], help_text=body.get("description", "")),
            )


def _choices(kind: type[msgspec.Struct]) -> Iterator[tuple[str, forms.ChoiceField]]:
    """Make a field of each enumeration of a struct."""
    for name, body in _describe(kind).items():
        if "enum" in body:
            yield (
                name,
                forms.ChoiceField(
                    choices=[(value, label_of(value)) for value in body["enum"]],
                    initial=body["default"],
                    help_text=body.get("description", ""),
                    widget=forms.Select(attrs={"class": "bo-input"}),
                ),
            )


class TableField(forms.JSONField):
    """Rows of a struct, as JSON. They are checked with the struct they belong to."""

    widget = forms.Textarea(attrs={"class": "bo-input", "rows": 4, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Show rows as they are written."""
        rows = value if isinstance(value, str) else msgspec.to_builtins(value)
        return super().prepare_value(rows)

    def clean(self, value: Any) -> Any:
        """Take nothing for no rows."""
        return super().clean(value) or []


def _tables(kind: type[msgspec.Struct]) -> Iterator[tuple[str, TableField]]:
    """Make a field of each table of a struct."""
    for name, body in _describe(kind).items():
        if body.get("type") == "array":
            yield name, TableField(required=False, initial=[], help_text=body.get("description", ""))


def _describe(kind: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each field, with that of a type it refers to."""
    definitions = msgspec.json.schema(kind)["$defs"]
    properties: dict[str, dict[str, Any]] = definitions[kind.__name__]["properties"]
    return {name: _resolve(body, definitions) for name, body in properties.items()}


def _resolve(body: dict[str, Any], definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return definitions[body["$ref"].rpartition("/")[2]] | body if "$ref" in body else body


def _whole_numbers(kind: type[msgspec.Struct]) -> Iterator[tuple[str, forms.IntegerField]]:
    """Make a field of each bounded number of a struct."""
    for name, body in _describe(kind).items():
        if body.get("type") == "integer":
            yield (
                name,
                forms.IntegerField(
                    min_value=body["minimum"],
                    max_value=body["maximum"],
                    initial=body["default"],
                    help_text=body.get("description", ""),
                    widget=forms.NumberInput(attrs={"class": "bo-input"}),
                ),
            )
