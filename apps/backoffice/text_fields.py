"""Text that staff type, held to the same rule as the API's (``resale.domain.text``)."""

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from resale.domain.cards import holds_card_number
from resale.domain.text import TextKind, TextRefused, clean_text

_CARD: Final = "This contains a payment card number. Remove it: card numbers are never stored."


class TextField(forms.CharField):
    """Text of one kind; cleaned, it is in normalisation form C. What people write holds no card number."""

    def __init__(self, kind: TextKind, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kind = kind

    def to_python(self, value: Any) -> Any:
        """Check what was typed before its length is looked at. Raises ValidationError."""
        text = super().to_python(value)
        if not text:
            return text
        try:
            cleaned = clean_text(text, self._kind)
        except TextRefused as refused:
            raise ValidationError(refused.detail, code=refused.code) from None
        if holds_card_number(cleaned.encode()):
            raise ValidationError(_CARD, code="card_number_refused")
        return cleaned
