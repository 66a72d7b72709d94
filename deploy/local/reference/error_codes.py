"""``docs/reference/errors.md``: every error code, from the error classes."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from types import ModuleType
from typing import Final

import apps
import resale
from apps.core import problems
from apps.core.problems import HTTPError, ProblemType
from apps.storefront.docs import ENDPOINTS
from apps.storefront.openapi.document import problems_of
from deploy.local.reference.markdown import code, opening, page, table
from resale.errors import Conflict, Outcome

_NO: Final = "no"
_YES: Final = "yes"
_AFTER_READING: Final = "after reading"
_WITH_KEY: Final = "with the same `Idempotency-Key`"
#: What a client does about a status, and whether the same request can succeed later.
_ACTIONS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("Correct the request.", _NO),
    401: ("Send a valid API key, token or signature.", _NO),
    403: ("Use a key, a scope or a shopper that has the permission.", _NO),
    404: ("Check the id, and that the caller can see the object.", _NO),
    405: ("Use a method that `Allow` lists.", _NO),
    406: ("Accept `application/json`.", _NO),
    408: ("Send the whole request sooner.", _YES),
    409: ("Read the object. Another writer changed it, or its state must change first.", "depends on the code"),
    412: ("Read the object, then send its current `ETag`.", _AFTER_READING),
    413: ("Send a smaller body.", _NO),
    414: ("Send a shorter URL.", _NO),
    415: ("Send `application/json` without a content encoding.", _NO),
    417: ("Leave the `Expect` header out.", _NO),
    421: ("Send it to the host name of the shop.", _NO),
    422: ("Correct what `errors` and `detail` name.", _NO),
    429: ("Wait for `Retry-After`.", _YES),
    431: ("Send fewer or shorter headers.", _NO),
    500: ("Report the `request_id`.", _WITH_KEY),
    503: ("Wait for `Retry-After`.", _YES),
}
#: Where the class of an error does not decide it.
_RETRIES: Final[Mapping[str, str]] = {
    "idempotency_in_progress": _WITH_KEY,
    "label_under_way": _AFTER_READING,
    "refund_under_way": _AFTER_READING,
    "listing_images_pending": _AFTER_READING,
}
_FIELD_CODES: Final = (
    ("required", "The field is missing."),
    ("unknown_field", "No field has this name."),
    ("wrong_type", "The value has another JSON type."),
    ("unknown_value", "The value is none of those allowed."),
    ("too_short", "The text or list is shorter than allowed."),
    ("too_long", "The text or list is longer than allowed."),
    ("too_heavy", "The parcel is heavier than the carriers of the shop accept."),
    ("too_large", "The parcel is larger than the carriers of the shop accept."),
    ("wrong_length", "The text or list must have an exact length."),
    ("out_of_range", "The number or moment is outside its bounds."),
    ("wrong_format", "The text does not have the format of the field."),
    (
        "invalid_characters",
        (
            "The text holds a control character, a line break or tab in a field of one line, a noncharacter, more "
            "than 30 combining marks in a row, or an override of text direction."
        ),
    ),
    ("blank", "The text shows nothing: white space or invisible characters only."),
    ("repeated", "The query parameter was sent more than once."),
    ("mutually_exclusive", "Two parameters were sent of which only one is allowed."),
    ("not_applicable", "The parameter is not for this caller."),
    ("currency_not_supported", "The shop does not sell in this currency."),
    ("in_the_future", "The moment must be in the past."),
)
_SKIPPED: Final = (".management", ".migrations", "__main__")


def error_page() -> str:
    """Return the page."""
    return page(_lines())


def error_codes() -> dict[str, ProblemType]:
    """Return every problem type by its code: those of outcomes, of HTTP errors, and of DRF's errors."""
    kinds = (*_descendants(Outcome), HTTPError, *_descendants(HTTPError))
    found = {problem.code: problem for problem in problems.DRF_PROBLEMS.values()}
    found.update({kind.code: problems.problem_type_of(kind) for kind in kinds})
    return dict(sorted(found.items()))


def field_codes() -> frozenset[str]:
    """Return the documented codes of ``errors[].code``."""
    return frozenset(name for name, _ in _FIELD_CODES)


def _lines() -> Iterator[str]:
    everything = error_codes()
    public = _public_names(everything)
    yield from opening(
        "Error codes",
        "Every error is a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457), "
        "`application/problem+json`) with `type`, `title`, `status`, `code`, `detail`, `errors` and `request_id`. "
        "Act on `code`: its meaning never changes. `detail` is for people. `request_id` names the request in the logs "
        "([how to follow it](../guides/read-a-request-in-the-logs.md)).",
        source="the error classes of `resale` and `apps`",
    )
    yield from ("## What to do about a status", "")
    yield from table(("status", "what to do", "retry"), ((str(one), *action) for one, action in _ACTIONS.items()))
    yield "Retry: whether the same request can succeed later. *After reading*: read the object, decide again, and send"
    yield from ("the request with what was read.", "", "## Codes of the API", "")
    heads = ("code", "status", "title", "when, and what to do", "retry")
    yield from table(heads, map(_row, (problem for name, problem in everything.items() if name in public)))
    yield from ("## Codes of one field", "")
    yield "`errors[]` lists the invalid fields: `pointer` is a JSON pointer into the body, a query parameter, or"
    yield from ("`/headers/…`; `detail` is what is expected. `code` is the problem's own code, or one of these:", "")
    yield from table(("field code", "what is wrong"), ((code(name), meaning) for name, meaning in _FIELD_CODES))
    yield from ("## Codes outside the API", "")
    yield from ("Tasks, commands and staff pages end with these; logs and dead letters show them.", "")
    hidden = (problem for name, problem in everything.items() if name not in public)
    yield from table(("code", "when"), ((code(problem.code), problem.detail) for problem in hidden))


def _public_names(everything: Mapping[str, ProblemType]) -> set[str]:
    """Return the codes that a response of the API can have."""
    documented = {problem.code for endpoint in ENDPOINTS for problem in problems_of(endpoint)}
    of_http = {kind.code for kind in (HTTPError, *_descendants(HTTPError))}
    of_drf = {problem.code for problem in problems.DRF_PROBLEMS.values()}
    return everything.keys() & (documented | of_http | of_drf)


def _row(problem: ProblemType) -> tuple[str, ...]:
    return (code(problem.code), str(problem.status), problem.title, problem.detail, _retry_of(problem))


def _retry_of(problem: ProblemType) -> str:
    """Return whether the same request can succeed later: a conflict passes, a refusal stays."""
    if problem.code in _RETRIES:
        return _RETRIES[problem.code]
    if problem.status == HTTPStatus.CONFLICT:
        return _AFTER_READING if problem.code in _conflicts() else _NO
    return _ACTIONS[problem.status][1]


def _conflicts() -> set[str]:
    return {kind.code for kind in (Conflict, *_descendants(Conflict))}


def _descendants(root: type[Outcome] | type[HTTPError]) -> Iterator[type[Outcome] | type[HTTPError]]:
    """Iterate over all subclasses of a class, after all modules are imported."""
    modules = _modules()
    for kind in root.__subclasses__():
        if kind.__module__ in modules:
            yield kind
        yield from _descendants(kind)


@cache
def _modules() -> frozenset[str]:
    """Import all modules that can define an error."""
    names = [name for package in (resale, apps) for name in _names_in(package)]
    for name in names:
        importlib.import_module(name)
    return frozenset(names)


def _names_in(package: ModuleType) -> Iterator[str]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not any(part in found.name for part in _SKIPPED):
            yield found.name
