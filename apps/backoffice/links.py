"""Which page an id leads to."""

from collections.abc import Mapping
from typing import Final

from django.urls import reverse

from resale.domain.ids import is_any_id

#: Prefix of an id → the page of what it names, and that page's place holder.
_PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "lst": ("admin:listing", "listing_id"),
    "ord": ("admin:order", "order_id"),
    "clm": ("admin:claim", "claim_id"),
    "pyt": ("admin:payout", "payout_id"),
    "dlq": ("admin:dead-letter", "letter_id"),
}


def find_page(text: str) -> str | None:
    """Find the page of what an id names; None where there is no such page, or it is no id."""
    name, place = _PAGES.get(text[:3], ("", ""))
    return reverse(name, kwargs={place: text}) if name and is_any_id(text) else None
