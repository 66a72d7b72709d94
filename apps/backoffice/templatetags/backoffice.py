"""Values as people read them: money, moments, states."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from resale.domain.media import RefusalReason
from resale.domain.money import minor_digits

register = template.Library()

_SIGNS: Final[Mapping[str, str]] = {"GBP": "£", "USD": "$", "EUR": "€", "JPY": "¥"}

#: Prefix of an id → the page of what it names, and that page's place holder.
_PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "lst": ("admin:listing", "listing_id"),
    "ord": ("admin:order", "order_id"),
    "dlq": ("admin:dead-letter", "letter_id"),
}

_LABELS: Final[Mapping[str, str]] = {
    "pending_review": "Waiting for review",
    "active": "On sale",
    "awaiting_upload": "Waiting for its upload",
    RefusalReason.NOT_AN_IMAGE: "Not an image",
}


@register.filter
def label(value: Any) -> str:
    """Say a state, condition or reason code in words."""
    text = str(value)
    return _LABELS.get(text, text.replace("_", " ").capitalize())


@register.filter
def money(amount_minor: int, currency: str) -> str:
    """Write minor units as an amount."""
    digits = minor_digits(currency)
    whole, part = divmod(amount_minor, 10**digits)
    number = f"{whole:,}" + (f".{part:0{digits}}" if digits else "")
    return f"{_SIGNS[currency]}{number}" if currency in _SIGNS else f"{number} {currency}"


@register.filter
def moment(at: datetime) -> SafeString:
    """Write a moment in UTC; the page's script adds it in the reader's own time."""
    utc = at.astimezone(UTC)
    return format_html('<time datetime="{}">{} UTC</time>', utc.isoformat(), f"{utc:%-d %b %Y, %H:%M}")


@register.filter
def badge(status: Any) -> SafeString:
    """Write a state as a coloured badge."""
    return format_html('<span class="bo-badge bo-{}">{}</span>', str(status), label(status))


@register.filter
def happening(change_type: str) -> str:
    """Say what a change was: ``order.payment_failed`` is "Payment failed"."""
    return label(change_type.rpartition(".")[2])


@register.filter
def entity(text: str) -> SafeString:
    """Write an id so that it leads to what it names, where there is a page of it."""
    name, place = _PAGES.get(text[:3], ("", ""))
    if not name:
        return short(text)
    return format_html('<a href="{}">{}</a>', reverse(name, kwargs={place: text}), short(text))


@register.filter
def short(text: str) -> SafeString:
    """Write an id so that it fits; the whole of it shows on hover and can be copied."""
    return format_html('<code class="bo-id" title="{}">{}…{}</code>', text, text[:8], text[-6:])
