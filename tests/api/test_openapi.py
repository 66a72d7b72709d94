"""The OpenAPI document: valid, complete both ways, and true of the bodies it shows."""

import re
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver
from openapi_spec_validator import validate

from apps.core.problems import Problem
from apps.storefront.inputs import NoBody
from apps.storefront.openapi.endpoints import ENDPOINTS, Endpoint
from apps.storefront.openapi.examples import EXAMPLES
from apps.storefront.openapi.schemas import components

BODIES: set[type[Any]] = {one.body for one in ENDPOINTS if one.body is not None and one.body is not NoBody}
ANSWERS: set[type[Any]] = {kind for one in ENDPOINTS for kind in one.answers}
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in BODIES | ANSWERS | {Problem}}


@pytest.fixture
def document() -> dict[str, Any]:
    return dict(Client().get("/v1/openapi.json").json())


def served() -> set[tuple[str, str]]:
    """Every method of every path under /v1, as the resolver has them."""
    found = set()
    for route, view in _patterns(get_resolver().url_patterns, ""):
        if route.startswith("v1/"):
            path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
            found |= {(method, path) for method in ("get", "post", "put", "patch", "delete") if hasattr(view, method)}
    return found


def _patterns(patterns: list[Any], prefix: str) -> Any:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _patterns(one.url_patterns, prefix + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield prefix + str(one.pattern), getattr(one.callback, "cls", None) or one.callback


class TestDocument:
    def test_is_valid_openapi(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1")
        validate(document)

    def test_describes_every_endpoint_and_no_other(self, document: dict[str, Any]) -> None:
        described = {(method, path) for path, methods in document["paths"].items() for method in methods}
        assert described == served()

    def test_is_the_same_to_whoever_has_it_already(self) -> None:
        first = Client().get("/v1/openapi.json")
        again = Client().get("/v1/openapi.json", headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    def test_names_every_operation_once(self, document: dict[str, Any]) -> None:
        ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
        assert len(ids) == len(set(ids)) == len(ENDPOINTS)

    def test_shows_no_stored_keys(self, document: dict[str, Any]) -> None:
        assert "$key" not in msgspec.json.encode(document).decode()
        assert document["components"]["schemas"]["RenditionView"]["properties"]["url"]["format"] == "uri"

    def test_every_component_is_described_and_referred_to(self, document: dict[str, Any]) -> None:
        text = msgspec.json.encode(document).decode()
        for name, schema in document["components"]["schemas"].items():
            assert schema["description"], name
            assert f'"#/components/schemas/{name}"' in text, name

    @pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.body is not None], ids=lambda one: one.id)
    def test_a_body_takes_nothing_it_does_not_name(self, endpoint: Endpoint) -> None:
        assert endpoint.body is not None
        assert components()[endpoint.body.__name__]["additionalProperties"] is False

    def test_patterns_are_as_json_schema_reads_them(self, document: dict[str, Any]) -> None:
        patterns = re.findall(r'"pattern":"(.*?)"', msgspec.json.encode(document).decode())
        assert patterns
        assert all(pattern.startswith("^") and pattern.endswith("$") for pattern in patterns)

    def test_says_which_answers_are_never_304(self, document: dict[str, Any]) -> None:
        claim = document["paths"]["/v1/claims/{claim_id}"]["get"]  # it carries links that end
        assert "304" not in claim["responses"]
        assert "If-None-Match" not in {parameter["name"] for parameter in claim["parameters"]}

    def test_says_that_a_webhook_has_a_body(self, document: dict[str, Any]) -> None:
        assert document["paths"]["/v1/hooks/{connection_id}"]["post"]["requestBody"]["required"] is True

    @pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.query is not None], ids=lambda one: one.id)
    def test_parameters_are_those_that_are_read(self, document: dict[str, Any], endpoint: Endpoint) -> None:
        assert endpoint.query is not None
        parameters = document["paths"][endpoint.path][endpoint.method]["parameters"]
        named = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
        assert named == set(endpoint.query.__struct_encode_fields__)


class TestExamples:
    @pytest.mark.parametrize("name", EXAMPLES)
    def test_each_is_what_its_schema_says(self, name: str) -> None:
        stored = msgspec.json.encode(EXAMPLES[name]).replace(b'"url":"https://media', b'"$key":"https://media')
        msgspec.json.decode(stored, type=KINDS[name])

    def test_each_body_that_is_written_has_one(self) -> None:
        assert {kind.__name__ for kind in BODIES} <= set(EXAMPLES)

    def test_each_is_shown(self, document: dict[str, Any]) -> None:
        shown = {name for name, schema in document["components"]["schemas"].items() if "examples" in schema}
        assert shown == set(EXAMPLES)


class TestPage:
    def test_loads_nothing_from_another_host(self) -> None:
        answer = Client().get("/v1/docs")
        assert answer["Content-Type"].startswith("text/html")
        links = re.findall(r'(?:src|href)="([^"]+)"', answer.content.decode())
        assert links
        assert all(link.startswith(("/static/", "/v1/")) for link in links)

    def test_may_not_run_or_load_anything_else(self) -> None:
        policy = Client().get("/v1/docs")["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script>|style=|onload=", Client().get("/v1/docs").content.decode())
