"""What an endpoint is, as data: what it takes, gives, and how it fails."""

from enum import Enum, auto
from typing import Any

import msgspec

from apps.core.problems import ProblemType


class Access(Enum):
    """Whose call it is."""

    ANYBODY = auto()  # no key at all
    KEY = auto()  # any key; a shopper's token or a secret key sees more
    SHOPPER = auto()
    PARTY = auto()  # a shopper, or the brand by its secret key
    BRAND = auto()


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. ``answers`` are the views, by audience; ``listed``: a page of them.

    ``names`` are the parts of its path that are no ids of ours. ``tagged``: the answer has an ETag; a GET of it answers
    304 unless ``revalidated`` is False. ``raw_body`` describes a body that is a partner's own.
    """

    method: str
    path: str
    id: str
    tag: str
    summary: str
    details: str = ""
    access: Access
    scope: str | None = None
    names: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    body_required: bool = True
    key_required: bool | None = None  # None: takes no Idempotency-Key
    if_match: bool = False
    status: int = 200
    answers: tuple[type[Any], ...] = ()
    listed: bool = False
    tagged: bool = False
    revalidated: bool = True
    raw_body: str = ""
    problems: tuple[ProblemType, ...] = ()
