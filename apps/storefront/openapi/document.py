"""Building of the OpenAPI document from the endpoints and the components."""

import re
from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from apps.core.api_version import API_VERSION
from apps.core.problems import ProblemType
from apps.core.views import JSON
from apps.storefront import problem_codes as codes
from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.openapi.introduction import DESCRIPTION, TAGS, security_schemes
from apps.storefront.openapi.problem_responses import Failures
from apps.storefront.openapi.schemas import REF, Schema, components, one_of, page_of, schemas_of
from apps.storefront.path_parameters import PATH_IDS
from apps.storefront.permissions import Access

#: ``apps.storefront.parameters`` reads it; anything else is answered as a version there is not.
_IF_MATCH: Final = r"^(?:\*|(?:W/)?\x22[0-9]{1,15}(?:-[0-9a-f]{8})?\x22)$"  # x22: a quotation mark
_SECURITY: Final[dict[Access, list[dict[str, list[str]]]]] = {
    Access.ANYBODY: [],
    Access.KEY: [{"PublishableKey": []}, {"PublishableKey": [], "ShopperToken": []}, {"SecretKey": []}],
    Access.SHOPPER: [{"PublishableKey": [], "ShopperToken": []}],
    Access.PARTY: [{"PublishableKey": [], "ShopperToken": []}, {"SecretKey": []}],
    Access.BRAND: [{"SecretKey": []}],
    Access.OPERATOR: [{"OperatorKey": []}],
}
_ACCESS_CODES: Final[dict[Access, tuple[ProblemType, ...]]] = {
    Access.ANYBODY: (),
    Access.KEY: codes.CALLER,
    Access.SHOPPER: (*codes.CALLER, *codes.SHOPPER),
    Access.PARTY: (*codes.CALLER, *codes.SHOPPER),
    Access.BRAND: (*codes.CALLER, *codes.BRAND),
    Access.OPERATOR: codes.OPERATOR,
}


def build_document(endpoints: Sequence[AnyEndpoint]) -> dict[str, Any]:
    """Build the document. This takes milliseconds, so the caller caches it."""
    failures = Failures({endpoint.id: problems_of(endpoint) for endpoint in endpoints})
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for endpoint in endpoints:
        paths[endpoint.path][endpoint.method] = _operation(endpoint, failures)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Resale API",
            "version": "1",
            "description": DESCRIPTION.strip(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in TAGS],
        "paths": dict(paths),
        "components": {
            "schemas": {**components(endpoints), **failures.schemas()},
            "responses": failures.responses(),
            "securitySchemes": security_schemes(),
            "headers": _HEADERS,
        },
    }


def problems_of(endpoint: AnyEndpoint) -> tuple[ProblemType, ...]:
    """Return the problem types of an endpoint."""
    found = {*codes.ANY, *_ACCESS_CODES[endpoint.access], *codes.codes_of(*endpoint.problems)}
    if endpoint.scope is not None:
        found.update(codes.SCOPED)
    if endpoint.body is not None:
        found.update(codes.BODY)
    if endpoint.method != "get":
        found.update(codes.CONTENDED)
    if endpoint.listed:
        found.update(codes.LIST)
    if endpoint.if_match:
        found.update(codes.PRECONDITION)
    if endpoint.has_waiting_line:
        found.update(codes.WAITING)
    if endpoint.idempotency is not None:
        found.update(codes.KEYED)
        found.update(codes.KEY_REQUIRED if endpoint.idempotency.is_required else ())
    return tuple(sorted(found))


def _operation(endpoint: AnyEndpoint, failures: Failures) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.id,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": _details(endpoint),
        "security": _SECURITY[endpoint.access],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint), *_header_parameters(endpoint)],
        "responses": {**_good(endpoint), **failures.references(endpoint.id)},
    }
    if endpoint.body is not None:
        content = {JSON: {"schema": {"$ref": REF + endpoint.body.__name__}}}
        operation["requestBody"] = {"required": endpoint.is_body_required, "content": content}
    elif endpoint.raw_body:
        content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"description": endpoint.raw_body, "required": True, "content": content}
    return operation


def _details(endpoint: AnyEndpoint) -> str:
    owner = "An operator's" if endpoint.access is Access.OPERATOR else "A secret"
    scope = f"{owner} key requires the scope `{endpoint.scope}`." if endpoint.scope else ""
    return "\n\n".join(part for part in (endpoint.details, scope) if part)


# ---------------------------------------------------------------- what it takes
def _path_parameters(endpoint: AnyEndpoint) -> list[Schema]:
    named = _names_of(endpoint)
    found = []
    for name in re.findall(r"{(\w+)}", endpoint.path):
        schema = named.get(name) or _id_schema(name)
        found.append(
            {"name": name, "in": "path", "required": True, "description": schema.pop("description"), "schema": schema}
        )
    return found


def _names_of(endpoint: AnyEndpoint) -> dict[str, Schema]:
    if endpoint.names is None:
        return {}
    properties: dict[str, Schema] = schemas_of([endpoint.names], ref="{name}")[endpoint.names.__name__]["properties"]
    return properties


def _id_schema(name: str) -> Schema:
    taken = PATH_IDS[name]
    return {"description": taken.description, "type": "string", "pattern": taken.pattern}


def _query_parameters(endpoint: AnyEndpoint) -> list[Schema]:
    if endpoint.query is None:
        return []
    made = schemas_of([endpoint.query], ref="{name}")
    return [
        {
            "name": name,
            "in": "query",
            "required": name in made[endpoint.query.__name__].get("required", ()),
            "description": schema.pop("description", ""),
            "schema": made[schema["$ref"]] if "$ref" in schema else schema,
        }
        for name, schema in made[endpoint.query.__name__]["properties"].items()
    ]


def _header_parameters(endpoint: AnyEndpoint) -> list[Schema]:
    headers = []
    if not endpoint.raw_body:
        schema: Schema = {"type": "string", "enum": [API_VERSION]}
        headers.append(
            _header_parameter("API-Version", "The version of this API that the client is written for.", schema)
        )
    if endpoint.idempotency is not None:
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        described = "A unique text for each command, such as a UUID."
        required = endpoint.idempotency.is_required
        headers.append(_header_parameter("Idempotency-Key", described, schema, required=required))
    if endpoint.if_match:
        schema = {"type": "string", "pattern": _IF_MATCH}
        headers.append(
            _header_parameter("If-Match", "The ETag of the version that was read, unchanged; or `*`.", schema)
        )
    if endpoint.has_waiting_line:
        described = "`ticket` of the last 429 `waiting_line`, unchanged: the buyer keeps the place in the line."
        headers.append(_header_parameter("Waiting-Line-Ticket", described, {"type": "string", "maxLength": 64}))
    if endpoint.is_revalidated:
        headers.append(
            _header_parameter("If-None-Match", "The ETag of the version that the client has.", {"type": "string"})
        )
    return headers


def _header_parameter(name: str, description: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


# ---------------------------------------------------------------- what it gives
def _good(endpoint: AnyEndpoint) -> dict[str, Any]:
    phrase = HTTPStatus(endpoint.status).phrase
    response: dict[str, Any] = {"description": f"{phrase}.", "headers": _headers_of(endpoint)}
    if endpoint.responses:
        schema = one_of(endpoint.responses)
        response["content"] = {JSON: {"schema": page_of(schema) if endpoint.listed else schema}}
    else:
        schema = {"type": "object" if endpoint.content_type == JSON else "string"}
        response["content"] = {endpoint.content_type: {"schema": schema}}
    responses = {str(endpoint.status): response}
    if endpoint.is_revalidated:
        responses["304"] = {
            "description": "The object has the version of If-None-Match.",
            "headers": _refs("ETag", "X-Request-Id"),
        }
    return responses


_HEADERS: Final[dict[str, Any]] = {
    "ETag": {"description": "The version of the object.", "schema": {"type": "string"}},
    "Location": {"description": "The URL of the object.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` if a request with this key was completed before. The object is in its current state.",
        "schema": {"type": "string", "const": "true"},
    },
    "API-Version": {"description": "The version of this API.", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "What is left of a limit: its name, `r` requests, and `t` seconds until there are more.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "A limit: its name, `q` requests in `w` seconds.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait before a retry.", "schema": {"type": "integer"}},
    "X-Request-Id": {
        "description": "The server's id of this request, in logs, histories and problem documents.",
        "schema": {"type": "string"},
    },
}


def _headers_of(endpoint: AnyEndpoint) -> dict[str, Any]:
    names = ["X-Request-Id", "API-Version"]
    if endpoint.tagged:
        names.append("ETag")
    if endpoint.location:
        names.append("Location")
    if endpoint.idempotency is not None:
        names.append("Idempotent-Replayed")
    return _refs(*names)


def _refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
