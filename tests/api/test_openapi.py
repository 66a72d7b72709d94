"""The OpenAPI document: valid, complete both ways, and true of the bodies it shows."""

import gzip
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver
from openapi_spec_validator import validate

from apps.core.api_version import API_VERSION
from apps.core.problems import Problem
from apps.core.static_documents import accepts_gzip
from apps.storefront.docs import ENDPOINTS
from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.openapi.document import problems_of
from apps.storefront.openapi.examples import examples_of
from apps.storefront.openapi.page import markdown
from apps.storefront.openapi.schemas import components
from apps.storefront.parameters import NoBody

BODIES: set[type[Any]] = {one.body for one in ENDPOINTS if one.body is not None and one.body is not NoBody}
ANSWERS: set[type[Any]] = {kind for one in ENDPOINTS for kind in one.responses}
EXAMPLES = examples_of(ENDPOINTS)
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
    def test_a_body_takes_nothing_it_does_not_name(self, endpoint: AnyEndpoint) -> None:
        assert endpoint.body is not None
        assert components(ENDPOINTS)[endpoint.body.__name__]["additionalProperties"] is False

    def test_patterns_are_as_json_schema_reads_them(self, document: dict[str, Any]) -> None:
        patterns = re.findall(r'"pattern":"(.*?)"', msgspec.json.encode(document).decode())
        assert patterns
        assert all(pattern.startswith("^") and pattern.endswith("$") for pattern in patterns)

    def test_says_which_answers_are_never_304(self, document: dict[str, Any]) -> None:
        claim = document["paths"]["/v1/claims/{claim_id}"]["get"]  # it carries links that end
        assert "304" not in claim["responses"]
        assert "If-None-Match" not in {parameter["name"] for parameter in claim["parameters"]}

    def test_says_that_a_webhook_has_a_body(self, document: dict[str, Any]) -> None:
        body = document["paths"]["/v1/hooks/{connection_id}"]["post"]["requestBody"]
        assert body["required"] is True
        assert body["content"]["*/*"]["schema"] == {"type": "string", "format": "binary"}

    @pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.query is not None], ids=lambda one: one.id)
    def test_parameters_are_those_that_are_read(self, document: dict[str, Any], endpoint: AnyEndpoint) -> None:
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
        response = Client().get("/v1/docs")
        assert response["Content-Type"].startswith("text/html")
        links = re.findall(r'(?:src|href)="([^"]+)"', response.content.decode())
        assert links
        assert all(link.startswith(("/static/", "/v1/", "#", "data:,")) for link in links)

    def test_may_not_run_or_load_anything_else(self) -> None:
        policy = Client().get("/v1/docs")["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script>|style=|onload=", Client().get("/v1/docs").content.decode())

    def test_shows_every_operation_code_and_object(self) -> None:
        page = Client().get("/v1/docs").content.decode()
        ids = set(re.findall(r'id="([^"]+)"', page))
        assert {endpoint.id for endpoint in ENDPOINTS} <= ids
        assert {f"schema-{kind}" for kind in KINDS} <= ids
        assert {f"error-{one.code}" for endpoint in ENDPOINTS for one in problems_of(endpoint)} <= ids

    def test_links_to_what_is_there(self) -> None:
        page = Client().get("/v1/docs").content.decode()
        assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))

    def test_escapes_what_it_shows(self) -> None:
        assert markdown('<b>`"<i>`</b>') == "<p>&lt;b&gt;<code>&quot;&lt;i&gt;</code>&lt;/b&gt;</p>"


class TestFailures:
    def test_are_described_once_and_referred_to(self, document: dict[str, Any]) -> None:
        shared = document["components"]["responses"]
        for endpoint in ENDPOINTS:
            said = document["paths"][endpoint.path][endpoint.method]["responses"]
            codes: dict[str, set[str]] = {}
            for status, response in said.items():
                if "$ref" in response:
                    described = shared[response["$ref"].removeprefix("#/components/responses/")]
                    name = described["content"]["application/problem+json"]["schema"]["$ref"].rsplit("/", 1)[1]
                    _, narrowed = document["components"]["schemas"][name]["allOf"]
                    assert narrowed["properties"]["status"] == {"type": "integer", "enum": [int(status)]}
                    codes[status] = set(narrowed["properties"]["code"]["enum"])
            expected: dict[str, set[str]] = {}
            for problem in problems_of(endpoint):
                expected.setdefault(str(problem.status), set()).add(problem.code)
            assert codes == expected, endpoint.id

    def test_leave_the_document_small(self) -> None:
        assert len(Client().get("/v1/openapi.json").content) < 360_000  # 550,000 when each operation repeated them

    def test_every_choice_has_a_type(self, document: dict[str, Any]) -> None:
        assert not [
            node for node in _nodes(document["components"]) if {"enum", "const"} & set(node) and "type" not in node
        ]


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema under a node, but not the examples."""
    if isinstance(node, dict):
        yield node
        for name, child in node.items():
            if name not in {"example", "examples", "default"}:
                yield from _nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from _nodes(child)


class TestCompression:
    @pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/docs"])
    def test_is_for_who_takes_it(self, path: str) -> None:
        plain, compressed = Client().get(path), Client().get(path, headers={"Accept-Encoding": "br, gzip"})
        assert "Content-Encoding" not in plain
        assert compressed["Content-Encoding"] == "gzip"
        assert gzip.decompress(compressed.content) == plain.content
        assert len(compressed.content) < len(plain.content) / 6
        assert plain["ETag"] != compressed["ETag"]
        assert {"accept-encoding", "origin"} <= {word.strip().lower() for word in compressed["Vary"].split(",")}

    @pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/docs"])
    def test_has_a_304_of_its_own(self, path: str) -> None:
        headers = {"Accept-Encoding": "gzip"}
        tag = Client().get(path, headers=headers)["ETag"]
        assert Client().get(path, headers={**headers, "If-None-Match": f"W/{tag}"}).status_code == 304
        assert Client().get(path, headers={"If-None-Match": tag}).status_code == 200

    @pytest.mark.parametrize(
        ("header", "accepted"),
        [
            ("gzip", True),
            ("GZIP;q=0.1", True),
            ("br;q=1, gzip;q=0.5", True),
            ("*", True),
            ("x-gzip", True),
            ("", False),
            ("identity", False),
            ("br", False),
            ("gzip;q=0", False),
            ("gzip; q=0.000", False),
            ("gzip;q=0, *", False),
            ("*;q=0", False),
            ("gzip;q=high", False),
            ("gzipped", False),
        ],
    )
    def test_goes_by_weights(self, header: str, accepted: bool) -> None:  # noqa: FBT001 - a parameter of the test
        assert accepts_gzip(header) is accepted


class TestVersions:
    def test_each_operation_but_a_partners_takes_one(self, document: dict[str, Any]) -> None:
        for endpoint in ENDPOINTS:
            parameters = document["paths"][endpoint.path][endpoint.method]["parameters"]
            assert ("API-Version" in {one["name"] for one in parameters}) is not bool(endpoint.raw_body)

    def test_the_one_there_is_is_served_and_named(self) -> None:
        asked, silent = Client().get("/v1/docs", headers={"API-Version": API_VERSION}), Client().get("/v1/docs")
        assert (asked.status_code, asked["API-Version"], silent["API-Version"]) == (200, API_VERSION, API_VERSION)

    @pytest.mark.parametrize("version", ["2020-01-01", "2999-01-01", "", "1", "v1", f"{API_VERSION}, {API_VERSION}"])
    @pytest.mark.parametrize("path", ["/v1/docs", "/v1/listings", "/v1/orders"])
    def test_another_is_refused(self, path: str, version: str) -> None:
        response = Client().get(path, headers={"API-Version": version})
        assert (response.status_code, response.json()["code"]) == (400, "api_version_unsupported")
        assert API_VERSION in response.json()["detail"]
        assert response["API-Version"] == API_VERSION
