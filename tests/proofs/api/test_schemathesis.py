"""The document as a contract: generated requests, good and bad ones, by each kind of caller, find nothing.

schemathesis reads the document as it is served, calls the real application on the real engines, and holds each response
to the document: status, content type, headers, body; whether what is valid is taken and what is not is refused; and
whether a call without its key is. ``CASES`` times the default can be played: ``make test-api CASES=10``.
"""

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from apps.tenancy import keys, operator_keys
from apps.tenancy.models import KeyKind
from resale.domain.addresses import Address
from tests.fixtures.storefront import Front

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

CALLERS: Final = ("nobody", "publishable key", "shopper", "secret key", "secret key without scopes", "operator's key")
#: Of each operation, by each caller, of valid and of invalid requests each: 2,000 in all at least.
CASES: Final = 4 * int(os.environ.get("CASES", "1"))

#: What a valid request may be answered besides 2xx: who asks (401, 403), what there is (404), what state it is in
#: (409), which version (412), and a partner that is not there (503).
ANSWERED: Final = ["2xx", "304", "401", "403", "404", "409", "412", "503"]
#: What an invalid request may be answered: the checks' own list, with the version that an If-Match does not name.
REFUSED: Final = ["400", "401", "403", "404", "409", "412", "415", "422"]

#: Rules that a schema cannot say, so a request that keeps to the schema may break them: problem code, pointer.
UNSAYABLE: Final = {
    ("cursor_invalid", "/cursor"): "A cursor is signed; only one that was given out is good.",
    ("mutually_exclusive", "/market"): "One of two query parameters.",
    ("required", "/source"): "One of three query parameters.",
    ("out_of_range", "/to"): "A span between two query parameters.",
    ("not_applicable", "/role"): "Whose parameter it is depends on who asks.",
    ("out_of_range", "/purchased_at"): "A moment before this one.",
    ("required", "/…address"): "What an address needs depends on its country.",
    ("wrong_format", "/…address"): "So does what its parts look like.",
    ("unknown_value", "/…address"): "And which regions there are.",
    ("origin_not_allowed", "/return_url"): "Which origins depends on the shop.",
    ("currency_not_supported", "/price/currency"): "Which currency depends on the shop.",
}


_ADDRESSES: Final = {"/shipping_address", "/ship_from", ""}


def headers_of(caller: str, front: Front) -> dict[str, str]:
    """Say who asks."""
    shop = front.shop
    narrow = keys.issue_api_key(slug=shop.tenant.slug, kind=KeyKind.SECRET, scopes=[])
    by_caller = {
        "nobody": {},
        "publishable key": {"X-API-Key": shop.publishable.text},
        "shopper": {"X-API-Key": shop.publishable.text, "Authorization": f"Bearer {shop.token('proof')}"},
        "secret key": {"X-API-Key": shop.secret.text},
        "secret key without scopes": {"X-API-Key": narrow.text},
        "operator's key": {"X-API-Key": operator_keys.issue_operator_key().text},
    }
    return by_caller[caller]


class Proof:
    """One caller's requests and what was found."""

    def __init__(self, headers: Mapping[str, str], known: Mapping[str, list[str]]) -> None:
        self.headers = dict(headers)
        self.known = known
        self.answers: Counter[str] = Counter()
        self.found: dict[str, str] = {}

    def play(self, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> None:
        """Make an operation's requests of one kind."""
        if mode.is_negative and not _has_input(operation):
            return  # nothing of it can be wrong

        @seed(2_026)
        @settings(
            max_examples=CASES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case[Any]) -> None:
            self._check(case, is_positive=mode.is_positive)

        try:
            check()
        except Unsatisfiable:
            if mode.is_positive:
                raise  # else nothing of it can be wrong: its only input is any text

    def _check(self, case: schemathesis.Case[Any], *, is_positive: bool) -> None:
        if is_positive:
            self._name_what_there_is(case)
        response = case.call(headers=self.headers)
        self.answers[str(response.status_code)] += 1
        excluded: list[Any] = []
        if is_positive and response.status_code == 422 and _is_unsayable(response.json()):
            excluded = [positive_data_acceptance]
        try:
            case.validate_response(response, headers=self.headers, excluded_checks=excluded)
        except FailureGroup as group:
            kinds = ", ".join(sorted({type(error).__name__ for error in group.exceptions}))
            self.found.setdefault(f"{case.operation.label}: {kinds}", str(group))

    def _name_what_there_is(self, case: schemathesis.Case[Any]) -> None:
        """Point every second request at something that is there; a generated id names nothing."""
        for name, ids in self.known.items():
            if name in case.path_parameters and sum(self.answers.values()) % 2:
                case.path_parameters[name] = ids[sum(self.answers.values()) // 2 % len(ids)]


def _has_input(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    return any((operation.path_parameters, operation.query, operation.headers, operation.body))


def _is_unsayable(problem: Mapping[str, Any]) -> bool:
    errors = problem.get("errors", [])
    return bool(errors) and all((error["code"], _place(error["pointer"])) in UNSAYABLE for error in errors)


def _place(pointer: str) -> str:
    """Name where in a body a rule is broken; the parts of an address share theirs."""
    parent, _, name = pointer.rpartition("/")
    return "/…address" if parent in _ADDRESSES and name in Address.__struct_fields__ else pointer


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_is_found(front: Front, caller: str) -> None:
    world = front.world
    seller = front.shopper()
    listings = [world.draft(seller)[0], world.pending(seller), world.active(seller)]
    known: dict[str, list[str]] = {
        "listing_id": [listing.id for listing in listings],
        "order_id": [world.order(front.shopper(), world.active(seller)).id],
        "purchase_id": [world.bought(seller).id],
        "seller_id": [listings[0].seller_id],
    }
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", WSGIHandler())
    schema.config.generation.update(with_security_parameters=False)  # a caller's headers are what they are
    schema.config.checks.not_a_server_error.expected_statuses = ["2xx", "3xx", "4xx", "503"]
    schema.config.checks.positive_data_acceptance.expected_statuses = ANSWERED
    schema.config.checks.negative_data_rejection.expected_statuses = REFUSED
    proof = Proof(headers_of(caller, front), known)
    for operation in schema.get_all_operations():
        assert isinstance(operation, Ok), operation.err()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            proof.play(operation.ok(), mode)
    print(f"{caller}: {sum(proof.answers.values())} cases, {dict(proof.answers)}, {len(proof.found)} findings")  # noqa: T201
    assert not proof.found, "\n\n".join(f"{name}\n{text}" for name, text in proof.found.items())
    assert sum(proof.answers.values()) >= 100 * CASES
