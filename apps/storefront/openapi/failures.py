"""How calls fail, as shared responses: each set of codes is described once, and operations refer to it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from apps.core.problems import CONTENT_TYPE
from apps.storefront.openapi.codes import ProblemCode
from apps.storefront.openapi.examples import EXAMPLES
from apps.storefront.openapi.schemas import REF

_REF: Final = "#/components/responses/"
_RETRIED: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
#: The codes of one status of one operation.
Failure = tuple[ProblemCode, ...]


class Failures:
    """The ways all operations fail. The usual one of a status has the status's name, others that of an operation.

    Args:
        problems: Of every operation, by its id, in the document's order.
    """

    def __init__(self, problems: dict[str, Iterable[ProblemCode]]) -> None:
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
        """Refer to the responses of one operation."""
        return {str(status): {"$ref": _REF + self._names[failure]} for status, failure in self._of[operation].items()}

    def components(self) -> dict[str, Any]:
        """Describe every response that is referred to."""
        return {name: _described(failure) for failure, name in sorted(self._names.items(), key=lambda item: item[1])}


def _by_status(problems: Iterable[ProblemCode]) -> dict[int, Failure]:
    found: dict[int, list[ProblemCode]] = defaultdict(list)
    for problem in problems:
        found[problem.status].append(problem)
    return {status: tuple(sorted(same)) for status, same in sorted(found.items())}


def _usual(operations: Iterable[dict[int, Failure]]) -> dict[int, Failure]:
    counted: dict[int, Counter[Failure]] = defaultdict(Counter)
    for operation in operations:
        for status, failure in operation.items():
            counted[status][failure] += 1
    return {status: counts.most_common(1)[0][0] for status, counts in counted.items()}


def _described(failure: Failure) -> dict[str, Any]:
    status = failure[0].status
    names = sorted({problem.code for problem in failure})
    # Typed, so that generators can merge it with the document's own (openapi-python-client drops it otherwise).
    narrowed = {
        "type": "object",
        "properties": {"status": {"type": "integer", "const": status}, "code": {"type": "string", "enum": names}},
    }
    headers = ["X-Request-Id", *(("Retry-After",) if status in _RETRIED else ())]
    return {
        "description": "\n".join(f"- `{problem.code}`: {problem.meaning}" for problem in failure),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {
            CONTENT_TYPE: {
                "schema": {"allOf": [{"$ref": REF + "Problem"}, narrowed]},
                "example": _example_of(failure[0]),
            }
        },
    }


def _example_of(problem: ProblemCode) -> dict[str, Any]:
    example = {**EXAMPLES["Problem"], "status": problem.status, "code": problem.code, "detail": problem.meaning}
    example |= {"type": f"urn:resale:problem:{problem.code}", "title": problem.code.replace("_", " ").capitalize()}
    if problem.code != EXAMPLES["Problem"]["code"]:
        del example["errors"]
    return example
