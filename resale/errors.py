"""Outcomes as a tree. HTTP knows nothing here; ``apps.core.problems`` maps a branch to a status.

Outcome
├── NotFound            nothing there that this caller may see
├── Rejected            the rules say no; saying it again gives the same answer
│   ├── Invalid         the input itself is wrong; carries where
│   ├── Forbidden       seen, but not allowed to act
│   └── Unauthenticated the caller is not known
├── Conflict            another writer won; read again
│   └── Contended       nobody won within our tries; become Unavailable when tries are used up
└── Unavailable         not now; nothing was written, or it is not known; try later
"""

from typing import ClassVar

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One wrong place in an input: ``pointer`` is an RFC 6901 JSON pointer into the body."""

    pointer: str
    code: str
    detail: str


class Outcome(Exception):  # noqa: N818 - an outcome is named for what happened
    """A use case ended in a way its docstring names. ``code`` is stable and part of the API."""

    code: ClassVar[str] = "outcome"

    def __init__(self, detail: str = "", *, errors: tuple[FieldError, ...] = ()) -> None:
        """Keep one sentence for a person (never personal data) and the wrong places, if any."""
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class NotFound(Outcome):
    """Nothing there that this caller may see."""

    code = "not_found"


class Rejected(Outcome):
    """The rules say no."""

    code = "rejected"


class Invalid(Rejected):
    """The input is wrong."""

    code = "validation_failed"


class Forbidden(Rejected):
    """The caller may see it but not do this."""

    code = "forbidden"


class Unauthenticated(Rejected):
    """The caller is not known."""

    code = "unauthenticated"


class Conflict(Outcome):
    """Another writer won; read again."""

    code = "conflict"


class Contended(Conflict):
    """So many write this at once that none of our tries came through; a later one will."""

    code = "contended"


class Unavailable(Outcome):
    """Not now. ``retry_after_seconds`` says when it is worth trying again."""

    code = "unavailable"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 1) -> None:
        """Keep the sentence and the wait."""
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
