"""The OpenAPI document, put together from the endpoints and the components."""

import re
from collections import defaultdict
from typing import Any, Final

from apps.core.api_version import API_VERSION
from apps.core.problems import ProblemType
from apps.core.views import JSON
from apps.storefront.openapi import codes
from apps.storefront.openapi.endpoints import ENDPOINTS, Access, Endpoint
from apps.storefront.openapi.problem_responses import Failures
from apps.storefront.openapi.schemas import REF, Schema, components, one_of, page_of, schemas_of

_DESCRIPTION: Final = """
Resale on a brand's own shop: shoppers list what they no longer need, the brand approves it, another shopper buys it.

**Keys.** `X-API-Key` takes a publishable key (`pk_…`, in the shop's pages) or a secret one (`sk_…`, in the brand's
back end). Calls of a shopper also carry the shopper's OpenID Connect token in `Authorization: Bearer`; a call with a
token is the shopper's, whichever key carries it. A key of a sandbox shop has `_test_` in it, one of a live shop
`_live_`; neither is good at the other.

**Repeating.** A POST with an `Idempotency-Key` is done once. Sent again within 24 hours it answers as the first time,
with `Idempotent-Replayed: true`. The same body may be written in another way: order of keys, white space, escapes,
`1.0` for `1`, `null` for what is absent. A body that means something else is refused.

**Versions.** One object comes with an `ETag`. Send it back as `If-Match` to change exactly what was read (412 when it
has changed), or as `If-None-Match` to be told that nothing has (304).

**Bodies** are JSON in UTF-8. `null` for an optional field is the same as leaving it out. A key given twice is refused.

**Text** that people write comes back in Unicode's normalisation form C. Refused with `invalid_characters` are control
characters, noncharacters, embeddings and overrides of direction (U+202A to U+202E), isolates that are not closed, and
line breaks and tabs in what is one line; with `blank`, what shows nothing. A payment card number in it is refused; in
an id or a reference of yours, digits are digits.

**API versions** are dates. Send the one you are written for as `API-Version`; one that this API does not have is
refused with 400 `api_version_unsupported`, never ignored. Each response names the version it is of.

**Errors** are problem documents (RFC 9457). Act on `code`: it never changes its meaning. `errors[].pointer` is where:
a JSON pointer into the body, a query parameter, or `/headers/…`.

**Requests** are named by us: `X-Request-Id` of an answer is in our logs, in histories and in problem documents. An
`X-Request-Id` of yours (8 to 64 letters, digits, `.`, `_` or `-`) is logged beside it and comes back as
`X-Client-Request-Id`.

**Money.** Amounts are whole minor units. A buyer's money is taken when the order is confirmed; the seller's part is
held until the order is completed: when the buyer confirms receipt, or the claim window after delivery is over.

**Sandbox.** `payment_token`: `tok_ok`, `tok_declined`, `tok_timeout` (booked, the answer is lost), `tok_error` (fails
twice), `tok_slow` (takes ten seconds), `tok_requires_action` (waits for the buyer, on the bank's page). Good at first
are `tok_capture_timeout` (captured, the answer is lost), `tok_capture_declined`, `tok_refund_error` (two refunds fail)
and `tok_refund_timeout` (refunded, the answer is lost). `payout_destination`: `acct_ok`, `acct_failed` (comes back),
`acct_timeout` (paid, the answer is lost). The carrier refuses an address whose `line1` is `Undeliverable`. Parcels
move by `POST /v1/shipments/{shipment_id}/tracking_events`, time by `/v1/test_clocks`.
"""
#: ``apps.storefront.parameters`` reads it; anything else is answered as a version there is not.
_IF_MATCH: Final = r"^(?:\*|(?:W/)?\x22[0-9]{1,15}(?:-[0-9a-f]{8})?\x22)$"  # x22: a quotation mark
TAGS: Final = (
    "Listings",
    "Moderation",
    "Purchases",
    "Orders",
    "Claims",
    "Money",
    "Connections",
    "Histories",
    "Dead letters",
    "Partners",
    "Test clocks",
    "This document",
)
_SECURITY: Final[dict[Access, list[dict[str, list[str]]]]] = {
    Access.ANYBODY: [],
    Access.KEY: [{"PublishableKey": []}, {"PublishableKey": [], "ShopperToken": []}, {"SecretKey": []}],
    Access.SHOPPER: [{"PublishableKey": [], "ShopperToken": []}],
    Access.PARTY: [{"PublishableKey": [], "ShopperToken": []}, {"SecretKey": []}],
    Access.BRAND: [{"SecretKey": []}],
}
_ACCESS_CODES: Final[dict[Access, tuple[ProblemType, ...]]] = {
    Access.ANYBODY: (),
    Access.KEY: codes.CALLER,
    Access.SHOPPER: (*codes.CALLER, *codes.SHOPPER),
    Access.PARTY: (*codes.CALLER, *codes.SHOPPER),
    Access.BRAND: (*codes.CALLER, *codes.BRAND),
}
_PATH_PARAMETERS: Final = {
    "listing_id": ("The listing.", "lst"),
    "seller_id": ("The seller, as `seller_id` of a listing.", "cus"),
    "order_id": ("The order.", "ord"),
    "claim_id": ("The claim.", "clm"),
    "payout_id": ("The payout.", "pyt"),
    "purchase_id": ("The purchase.", "pur"),
    "clock_id": ("The test clock.", "clk"),
    "letter_id": ("The dead letter.", "dlq"),
    "connection_id": ("The shop's connection to the partner.", "con"),
    "shipment_id": ("The parcel.", "(?:shp|rtn)"),
}


def build_document() -> dict[str, Any]:
    """Build the document. Takes some milliseconds; the caller keeps it."""
    failures = Failures({endpoint.id: problems_of(endpoint) for endpoint in ENDPOINTS})
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        paths[endpoint.path][endpoint.method] = _operation(endpoint, failures)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Resale API",
            "version": "1",
            "description": _DESCRIPTION.strip(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in TAGS],
        "paths": dict(paths),
        "components": {
            "schemas": {**components(), **failures.schemas()},
            "responses": failures.responses(),
            "securitySchemes": _security_schemes(),
            "headers": _HEADERS,
        },
    }


def problems_of(endpoint: Endpoint) -> tuple[ProblemType, ...]:
    """Say every way an endpoint can fail."""
    found = {*codes.ANY, *_ACCESS_CODES[endpoint.access], *endpoint.problems}
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
    if endpoint.key_required is not None:
        found.update(codes.KEYED)
    if endpoint.key_required:
        found.update(codes.KEY_REQUIRED)
    return tuple(sorted(found))


def _operation(endpoint: Endpoint, failures: Failures) -> dict[str, Any]:
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
        operation["requestBody"] = {"required": endpoint.body_required, "content": content}
    elif endpoint.raw_body:
        content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"description": endpoint.raw_body, "required": True, "content": content}
    return operation


def _details(endpoint: Endpoint) -> str:
    scope = f"A secret key needs the scope `{endpoint.scope}`." if endpoint.scope else ""
    return "\n\n".join(part for part in (endpoint.details, scope) if part)


# ---------------------------------------------------------------- what it takes
def _path_parameters(endpoint: Endpoint) -> list[Schema]:
    named = _names_of(endpoint)
    found = []
    for name in re.findall(r"{(\w+)}", endpoint.path):
        schema = named.get(name) or _id_schema(name)
        found.append(
            {"name": name, "in": "path", "required": True, "description": schema.pop("description"), "schema": schema}
        )
    return found


def _names_of(endpoint: Endpoint) -> dict[str, Schema]:
    if endpoint.names is None:
        return {}
    properties: dict[str, Schema] = schemas_of([endpoint.names], ref="{name}")[endpoint.names.__name__]["properties"]
    return properties


def _id_schema(name: str) -> Schema:
    described, prefix = _PATH_PARAMETERS[name]
    return {"description": described, "type": "string", "pattern": f"^{prefix}_[0-9a-f]{{32}}$"}


def _query_parameters(endpoint: Endpoint) -> list[Schema]:
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


def _header_parameters(endpoint: Endpoint) -> list[Schema]:
    headers = []
    if not endpoint.raw_body:
        schema: Schema = {"type": "string", "enum": [API_VERSION]}
        headers.append(
            _header_parameter("API-Version", "The version of this API that the caller is written for.", schema)
        )
    if endpoint.key_required is not None:
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        described = "A text of your own, new for each command, such as a UUID."
        headers.append(_header_parameter("Idempotency-Key", described, schema, required=endpoint.key_required))
    if endpoint.if_match:
        schema = {"type": "string", "pattern": _IF_MATCH}
        headers.append(_header_parameter("If-Match", "The ETag of what was read, as it came; or `*`.", schema))
    if _is_revalidated(endpoint):
        headers.append(_header_parameter("If-None-Match", "The ETag of what is known.", {"type": "string"}))
    return headers


def _is_revalidated(endpoint: Endpoint) -> bool:
    return endpoint.method == "get" and endpoint.tagged and endpoint.revalidated


def _header_parameter(name: str, description: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


# ---------------------------------------------------------------- what it gives
def _good(endpoint: Endpoint) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": endpoint.summary + ".", "headers": _headers_of(endpoint)}
    if endpoint.answers:
        schema = one_of(endpoint.answers)
        answer["content"] = {JSON: {"schema": page_of(schema) if endpoint.listed else schema}}
    elif endpoint.id == "getDocs":
        answer["content"] = {"text/html": {"schema": {"type": "string"}}}
    else:
        answer["content"] = {JSON: {"schema": {"type": "object"}}}
    answers = {str(endpoint.status): answer}
    if _is_revalidated(endpoint):
        answers["304"] = {"description": "It is as If-None-Match says.", "headers": _refs("ETag", "X-Request-Id")}
    return answers


_HEADERS: Final[dict[str, Any]] = {
    "ETag": {"description": "Names this version of the object.", "schema": {"type": "string"}},
    "Location": {"description": "Where the object is.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true`: done before under this key; the object is shown as it stands now.",
        "schema": {"type": "string", "const": "true"},
    },
    "API-Version": {"description": "The version of this API that answered.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
    "X-Request-Id": {
        "description": "Our name of this request, in logs and history; never the client's own.",
        "schema": {"type": "string"},
    },
}


def _headers_of(endpoint: Endpoint) -> dict[str, Any]:
    names = ["X-Request-Id", "API-Version"]
    if endpoint.tagged:
        names.append("ETag")
    if endpoint.status != 200 and endpoint.answers:  # noqa: PLR2004 - made or accepted something, which is somewhere
        names.append("Location")
    if endpoint.key_required is not None:
        names.append("Idempotent-Replayed")
    return _refs(*names)


def _refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _security_schemes() -> dict[str, Any]:
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    return {
        "PublishableKey": {**key, "description": "`pk_…`: may be seen by anybody; browses, and carries shoppers."},
        "SecretKey": {**key, "description": "`sk_…`: the brand's own back end, within the key's scopes."},
        "ShopperToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": (
                "The shopper's OpenID Connect token, from the shop's own issuer: signed with RS256, ES256 or EdDSA by "
                "a key it publishes, with `iss`, `aud`, `sub` and `exp`; `typ`, if any, is `JWT` or `at+jwt`."
            ),
        },
    }
