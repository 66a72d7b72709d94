"""Problem responses: each set of codes is described once, and operations refer to it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from apps.core.problems import CONTENT_TYPE, ProblemType
from apps.storefront.openapi.examples import EXAMPLES
from apps.storefront.openapi.schemas import REF, Schema

_REF: Final = "#/components/responses/"
_SUFFIX: Final = "Problem"
_WAITING: Final[dict[int, tuple[str, ...]]] = {
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
#: The codes of one status of one operation.
Failure = tuple[ProblemType, ...]


class Failures:
    """The problem responses of all operations. The most frequent one of a status is named after the status.

    Args:
        problems: Of every operation, by its id, in the document's order.
    """

    def __init__(self, problems: dict[str, Iterable[ProblemType]]) -> None:
        self._of = {operation: _by_status(found) for operation, found in problems.items()}
        self._names: dict[Failure, str] = {}
        usual = _usual(self._of.values())
        for operation, found in self._of.items():
            for status, failure in found.items():
                phrase = "".join(word.capitalize() for word in HTTPStatus(status).phrase.split())
                is_usual = usual[status] == failure
                name = phrase if is_usual else f"{phrase}Of{operation[0].upper()}{operation[1:]}"
                self._names.setdefault(failure, name)

    def references(self, operation: str) -> dict[str, Any]:
        """Return references to the responses of one operation."""
        return {str(status): {"$ref": _REF + self._names[failure]} for status, failure in self._of[operation].items()}

    def responses(self) -> dict[str, Any]:
        """Return every response that is referred to."""
        return {name: _describe(failure, name) for name, failure in self._sort()}

    def schemas(self) -> dict[str, Schema]:
        """Return a narrowed problem document for each response, of which client generators make a type."""
        return {name + _SUFFIX: _narrow(failure) for name, failure in self._sort()}

    def _sort(self) -> list[tuple[str, Failure]]:
        return sorted((name, failure) for failure, name in self._names.items())


def _by_status(problems: Iterable[ProblemType]) -> dict[int, Failure]:
    found: dict[int, list[ProblemType]] = defaultdict(list)
    for problem in problems:
        found[problem.status].append(problem)
    return {status: tuple(sorted(same)) for status, same in sorted(found.items())}


def _usual(operations: Iterable[dict[int, Failure]]) -> dict[int, Failure]:
    counted: dict[int, Counter[Failure]] = defaultdict(Counter)
    for operation in operations:
        for status, failure in operation.items():
            counted[status][failure] += 1
    return {status: counts.most_common(1)[0][0] for status, counts in counted.items()}


def is_narrowed_problem(name: str) -> bool:
    """Return whether a schema is the narrowed problem document of a response."""
    return name.endswith(_SUFFIX) and name != _SUFFIX


def _narrow(failure: Failure) -> Schema:
    status = failure[0].status
    names = sorted({problem.code for problem in failure})
    # An enum of one, not a constant: openapi-python-client 0.29 merges no constant with the document's own integer.
    properties = {"status": {"type": "integer", "enum": [status]}, "code": {"type": "string", "enum": names}}
    described = f"A problem document of status {status}."
    return {"description": described, "allOf": [{"$ref": REF + _SUFFIX}, {"type": "object", "properties": properties}]}


def _describe(failure: Failure, name: str) -> dict[str, Any]:
    status = failure[0].status
    headers = ["X-Request-Id", *_WAITING.get(status, ())]
    return {
        "description": "\n".join(f"- `{problem.code}`: {problem.detail}" for problem in failure),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {
            CONTENT_TYPE: {
                "schema": {"$ref": REF + name + _SUFFIX},
                "example": _example_of(failure[0]),
            }
        },
    }


def _example_of(problem: ProblemType) -> dict[str, Any]:
    example = {**EXAMPLES["Problem"], "status": problem.status, "code": problem.code, "detail": problem.detail}
    example |= {"type": f"urn:resale:problem:{problem.code}", "title": problem.title}
    if problem.code != EXAMPLES["Problem"]["code"]:
        del example["errors"]
    return example
