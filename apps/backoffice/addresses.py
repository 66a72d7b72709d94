"""An address as staff write it: the fields of its country, by the names and in the order used there."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django import forms

from apps.backoffice.forms import VersionForm
from apps.core import validation_errors
from resale.domain.address_formats import AddressField, format_of
from resale.domain.addresses import Address
from resale.domain.countries import COUNTRY_CODES
from resale.errors import Invalid

_ANYWHERE: Final = "GB"  # whose labels stand in for those of a country of before countries were checked
_MAX_CHARS: Final = 120


class AddressForm(VersionForm):
    """A whole address. What its country needs is checked by the operation: the country may be another one now."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, address: Address | None, version: int | None = None
    ) -> None:
        super().__init__(data, auto_id="address_%s", initial=_initial(address, version))
        country = _ANYWHERE if address is None or address.country not in COUNTRY_CODES else address.country
        shown = {field.name: field for field in format_of(country).fields}
        for name in (*shown, *(field for field in AddressField if field not in shown)):
            label = shown[name].label if name in shown else name.replace("_", " ").capitalize()
            is_needed = name in {AddressField.NAME, AddressField.LINE1, AddressField.COUNTRY}
            self.fields[name.value] = forms.CharField(
                label=label,
                required=is_needed,
                max_length=_MAX_CHARS,
                widget=forms.TextInput(attrs={"class": "bo-input", "autocomplete": "off"}),
            )

    def clean(self) -> dict[str, Any]:
        """Refuse what no address can hold, such as a phone number without its country."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.address()
            except msgspec.ValidationError as error:
                found = validation_errors.field_error(str(error))
                self.add_error(found.pointer.strip("/") or None, found.detail)
        return cleaned

    def address(self) -> Address:
        """Return it as the operation takes it. Raises msgspec.ValidationError."""
        values = {name.value: self.cleaned_data[name.value] for name in AddressField}
        return msgspec.convert({name: value for name, value in values.items() if value}, Address)

    def add_errors(self, refused: Invalid) -> None:
        """Show what the operation refused, each beside its field."""
        for error in refused.errors:
            self.add_error(error.pointer.strip("/"), error.detail)


def _initial(address: Address | None, version: int | None) -> dict[str, Any]:
    return {"version": version, **({} if address is None else msgspec.structs.asdict(address))}
