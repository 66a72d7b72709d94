"""What operators send to onboard a tenant. The form is a POST with a CSRF token."""

from typing import Any, Final

from django import forms

from apps.backoffice.text_fields import TextField
from resale.domain.entitlements import Tier
from resale.domain.tenant_onboarding import REGIONS, TenantRequest
from resale.domain.text import TextKind

_INPUT: Final = {"class": "bo-input", "autocomplete": "off"}
_CODE: Final = {**_INPUT, "autocapitalize": "off", "spellcheck": "false"}
_TIERS: Final = (Tier.STANDARD, Tier.PREMIUM)
_OF_REGION: Final = "Empty: that of the Region."


def _optional(label: str, max_length: int, help_text: str) -> TextField:
    return TextField(
        TextKind.CODE,
        label=label,
        max_length=max_length,
        required=False,
        help_text=help_text,
        widget=forms.TextInput(attrs=_CODE),
    )


class OnboardingForm(forms.Form):
    """A new tenant, as ``onboard_tenant`` takes it. The domain checks what the fields do not."""

    slug = TextField(
        TextKind.CODE,
        max_length=31,
        help_text="3 to 31 characters: a-z, 0-9 and -. It cannot be changed later.",
        widget=forms.TextInput(attrs=_CODE),
    )
    name = TextField(TextKind.LINE, max_length=100, label="Name of the shop", widget=forms.TextInput(attrs={**_INPUT}))
    region = forms.ChoiceField(
        label="Region",
        choices=[("", "Choose a Region"), *((name, f"{name} ({one.market})") for name, one in REGIONS.items())],
        help_text="Where the tenant's data is. It cannot be changed later.",
        widget=forms.Select(attrs={"class": "bo-input"}),
    )
    tier = forms.ChoiceField(
        choices=[(tier.value, tier.value.capitalize()) for tier in _TIERS],
        widget=forms.Select(attrs={"class": "bo-input"}),
    )
    market = _optional("Market", 2, f"Country code. {_OF_REGION}")
    currency = _optional("Currency", 3, _OF_REGION)
    locale = _optional("Locale", 35, f"Such as en-GB. {_OF_REGION}")
    commission_basis_points = forms.IntegerField(
        label="Commission",
        min_value=0,
        max_value=10_000,
        initial=0,
        help_text="Basis points: 1000 is 10 %.",
        widget=forms.NumberInput(attrs={"class": "bo-input"}),
    )
    account_id = _optional("AWS account", 12, "Empty: an account is created.")
    oidc_issuer = _optional("Issuer of shoppers' tokens", 200, "An https address. Empty: the platform's, if any.")
    oidc_audience = _optional("Audience of shoppers' tokens", 200, "Empty: the slug followed by -shop.")
    allowed_origins = TextField(
        TextKind.PARAGRAPHS,
        label="Origins of the storefront",
        max_length=2000,
        required=False,
        help_text="One a line, such as https://shop.example.",
        widget=forms.Textarea(attrs={**_CODE, "rows": 2}),
    )

    def request(self) -> TenantRequest:
        """Return what is requested; an empty field is a default."""
        sent: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value != ""}
        origins = str(sent.pop("allowed_origins", "")).split()
        return TenantRequest(**sent, allowed_origins=tuple(origins))
