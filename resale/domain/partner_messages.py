"""A partner's own message about a refusal: bounded text for staff, never for logs.

Providers explain a refusal in one sentence beside their code. The sentence can quote what it was given, so it is
cleaned: no line breaks, no invisible characters, no number that can be a card's or an account's.
"""

import re
import unicodedata
from typing import Annotated, Final

import msgspec

from resale.domain.text import carriable

MESSAGE_CHARS_MAX: Final = 300
_MASK: Final = "…"
_NUMBER: Final = re.compile(r"\d(?:[ -]?\d){7,}")  # eight digits or more: a card's, a bank account's, a phone's
_SPACES: Final = re.compile(r"\s+")

#: A message as it is stored.
PartnerMessage = Annotated[str, msgspec.Meta(max_length=MESSAGE_CHARS_MAX)]


def clean_message(text: object) -> str | None:
    """Return a partner's message as one bounded line; None if there is none or it has nothing to read."""
    if not isinstance(text, str):
        return None
    visible = "".join(" " if one.isspace() else one for one in text if one.isspace() or _is_readable(one))
    line = _SPACES.sub(" ", _NUMBER.sub(_MASK, carriable(visible))).strip()
    if len(line) > MESSAGE_CHARS_MAX:
        line = line[: MESSAGE_CHARS_MAX - 1] + _MASK
    return line or None


def _is_readable(character: str) -> bool:
    return not unicodedata.category(character).startswith("C")
