"""Outcomes as a tree. HTTP knows nothing here; ``apps.core.problems`` maps a branch to a status.

Outcome
├── NotFound            nothing exists under the id, or the caller has no permission to see it
├── Rejected            a business rule refuses the command; repeating it has the same result
│   ├── Invalid         the input breaks a rule; ``errors`` holds the fields
│   ├── Forbidden       the caller sees the object and has no permission for the action
│   └── Unauthenticated the caller cannot be identified
├── Conflict            another writer changed the object first; read it again
│   └── Contended       every attempt lost against concurrent writers; callers receive Unavailable
└── Unavailable         nothing was written, or the result is unknown; retry later

A class declares ``code`` (stable), ``title`` (short, no full stop) and ``default_detail`` (what is wrong, what to do;
written for the caller). Docstrings are for engineers and never reach a caller.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """An invalid field: ``pointer`` is an RFC 6901 JSON pointer into the body."""

    pointer: str
    code: str
    detail: str


class Outcome(Exception):  # noqa: N818 - an outcome is named for what happened
    """The result of a use case that did not succeed. Code, title and default detail are part of the API."""

    code: ClassVar[str] = "outcome"
    title: ClassVar[str]
    default_detail: ClassVar[str]

    def __init__(
        self, detail: str = "", *, errors: tuple[FieldError, ...] = (), members: Mapping[str, Any] | None = None
    ) -> None:
        """Store one sentence for the caller (never personal data), the invalid fields and further members.

        ``members`` are extension members of the problem document (RFC 9457 3.2), fields of ``apps.core.problems``.
        """
        self.detail = detail or self.default_detail
        super().__init__(self.detail)
        self.errors = errors
        self.members = members or {}


class NotFound(Outcome):
    """Nothing exists under this id, or the caller has no permission to see it."""

    code = "not_found"
    title = "Not found"
    default_detail = "Nothing exists under this id, or this caller cannot see it."


class Rejected(Outcome):
    """A business rule refuses the command; repeating it has the same result."""

    code = "rejected"
    title = "Request rejected"
    default_detail = "The state of the object does not allow this request."


class Invalid(Rejected):
    """The input breaks a rule; ``errors`` holds the fields."""

    code = "validation_failed"
    title = "Validation failed"
    default_detail = "The request is not valid. Correct the fields named in `errors` and send it again."


class Forbidden(Rejected):
    """The caller sees the object and has no permission for the action."""

    code = "forbidden"
    title = "Permission denied"
    default_detail = "The caller does not have permission to do this."


class Unauthenticated(Rejected):
    """The caller cannot be identified."""

    code = "unauthenticated"
    title = "Not authenticated"
    default_detail = "The caller cannot be identified. Send valid credentials."


class Conflict(Outcome):
    """Another writer changed the object first."""

    code = "conflict"
    title = "Conflict with another write"
    default_detail = "Another request changed the object meanwhile. Read it again, then retry."


class Contended(Conflict):
    """Every attempt lost against concurrent writers."""

    code = "contended"
    title = "Too many concurrent writes"
    default_detail = "Too many requests change this object at the same time. Retry later."


class Unavailable(Outcome):
    """The command cannot run now; ``retry_after_seconds`` is when to retry."""

    code = "unavailable"
    title = "Temporarily unavailable"
    default_detail = "The service cannot do this now. Retry later."

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 1) -> None:
        """Store one sentence for the caller and the time to wait before a retry."""
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
