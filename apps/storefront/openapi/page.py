"""The OpenAPI document as the context of the page's template, built once."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from apps.core.problems import CONTENT_TYPE
from apps.storefront.openapi.problem_responses import is_narrowed_problem
from apps.storefront.openapi.schemas import REF, Schema

_CODE: Final = re.compile(r"`([^`]+)`")
_STRONG: Final = re.compile(r"\*\*([^*]+)\*\*")
_LISTED: Final = re.compile(r"^- `([a-z_]+)`: (.*)$", re.MULTILINE)
_KEYS: Final = {
    "PublishableKey": "a publishable key",
    "SecretKey": "a secret key",
    "OperatorKey": "an operator's key",
    "ShopperToken": "a shopper's token",
}
_LIMITS: Final = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
    ("pattern", "matches {}"),
    ("default", "otherwise {}"),
)


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """Return the template's context."""
    operations = list(_operations(document))
    schemas = document["components"]["schemas"]
    return {
        "info": document["info"],
        "intro": markdown(document["info"]["description"]),
        "tags": [_tag(tag["name"], operations) for tag in document["tags"]],
        "count": len(operations),
        "errors": _errors(document["components"]["responses"]),
        "schemas": [_schema(name, schema) for name, schema in schemas.items() if not is_narrowed_problem(name)],
    }


def markdown(text: str) -> SafeString:
    """Convert the Markdown of the document into HTML: paragraphs, code and strong words."""
    paragraphs = (part.strip() for part in text.split("\n\n"))
    return mark_safe("".join(f"<p>{_inline(part)}</p>" for part in paragraphs if part))  # noqa: S308 - _inline escapes


def _inline(text: str) -> str:
    return _STRONG.sub(r"<strong>\1</strong>", _CODE.sub(r"<code>\1</code>", escape(text)))


def _tag(name: str, operations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "slug": _slug(name), "operations": [one for one in operations if one["tag"] == name]}


def _slug(name: str) -> str:
    return "tag-" + name.lower().replace(" ", "-")


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    components = document["components"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag, summary, name = operation["tags"][0], operation["summary"], operation["operationId"]
            yield {
                "id": name,
                "tag": tag,
                "method": method.upper(),
                "path": path,
                "summary": summary,
                "description": markdown(operation["description"]),
                "access": _access(operation["security"]),
                "parameters": [_parameter(one) for one in operation["parameters"]],
                "body": _body(operation.get("requestBody"), components["schemas"]),
                "curl": _curl(method, path, operation, components["schemas"]),
                "responses": list(_responses(operation["responses"])),
                "failures": list(_failures(operation["responses"], components["responses"])),
                "search": f"{tag} {method} {path} {summary} {name}".lower(),
            }


def _access(security: list[dict[str, list[str]]]) -> str:
    ways = [" and ".join(_KEYS[name] for name in one) for one in security]
    return "Needs " + ", or ".join(ways) + "." if ways else "Needs no key."


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "required": parameter["required"],
        "type": type_of(parameter["schema"]),
        "description": mark_safe(_inline(parameter["description"])),  # noqa: S308 - _inline escapes
    }


def _body(body: dict[str, Any] | None, schemas: dict[str, Schema]) -> dict[str, Any] | None:
    if body is None:
        return None
    schema = next(iter(body["content"].values()))["schema"]
    return {
        "required": body["required"],
        "type": type_of(schema),
        "description": body.get("description", ""),
        "example": _example(schema, schemas),
    }


def _responses(responses: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for status, response in responses.items():
        if "$ref" not in response:
            content: Schema = next(iter(response.get("content", {}).values()), {})
            shown = type_of(content["schema"]) if "schema" in content else ""
            yield {"status": status, "description": response["description"], "type": shown}


def _failures(responses: dict[str, Any], shared: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for status, response in responses.items():
        if "$ref" in response:
            described = shared[response["$ref"].rsplit("/", 1)[1]]
            yield {"status": status, "codes": [code for code, _ in _LISTED.findall(described["description"])]}


def _errors(shared: dict[str, Any]) -> list[dict[str, Any]]:
    found = {}
    for response in shared.values():
        status = response["content"][CONTENT_TYPE]["example"]["status"]
        for code, meaning in _LISTED.findall(response["description"]):
            found[code] = {"code": code, "status": status, "meaning": mark_safe(_inline(meaning))}  # noqa: S308 - as above
    return [found[code] for code in sorted(found)]


def _schema(name: str, schema: Schema) -> dict[str, Any]:
    required = schema.get("required", ())
    rows = [
        {
            "name": key,
            "type": type_of(value),
            "required": key in required,
            "description": mark_safe(_inline(value.get("description", ""))),  # noqa: S308 - _inline escapes
        }
        for key, value in schema.get("properties", {}).items()
    ]
    return {
        "name": name,
        "description": markdown(schema.get("description", "")),
        "rows": rows,
        "type": "" if rows else type_of(schema),
        "example": _pretty(schema["examples"][0]) if schema.get("examples") else "",
    }


def _example(schema: Schema, schemas: dict[str, Schema]) -> str:
    examples = schemas.get(schema.get("$ref", "").removeprefix(REF), {}).get("examples")
    return _pretty(examples[0]) if examples else ""


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _curl(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Schema]) -> str:
    named = {name for one in operation["security"] for name in one}
    first = operation["security"][0] if operation["security"] else {}
    parts = [f'curl -X {method.upper()} "$BASE{re.sub(r"{([a-z_]+)}", lambda found: "$" + found[1].upper(), path)}"']
    if named:
        parts.append('-H "X-API-Key: $KEY"')
    if "ShopperToken" in first:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if any(one["name"] == "Idempotency-Key" for one in operation["parameters"]):
        parts.append('-H "Idempotency-Key: $(uuidgen)"')
    if body := operation.get("requestBody"):
        schema = next(iter(body["content"].values()))["schema"]
        example = _example(schema, schemas)
        if example:
            parts += ["-H 'Content-Type: application/json'", f"-d '{example}'"]
    return " \\\n  ".join(parts)


# ---------------------------------------------------------------- types
def type_of(schema: Schema) -> SafeString:
    """Describe the type of a value in a few words."""
    limits = ", ".join(
        template.format(f"<code>{escape(json.dumps(schema[key], ensure_ascii=False).strip(chr(34)))}</code>")
        for key, template in _LIMITS
        if key in schema
    )
    kind = _kind(schema)
    return mark_safe(f"{kind}; {limits}" if kind and limits else kind or limits)  # noqa: S308 - each part is escaped


def _kind(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF)
        return format_html('<a href="#schema-{}">{}</a>', name, name)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(one) for one in schema["anyOf"]))
    if "allOf" in schema:
        return " and ".join(type_of(one) for one in schema["allOf"])
    if "enum" in schema or "const" in schema:
        return _values(schema.get("enum") or [schema["const"]])
    return _plain(schema)


def _plain(schema: Schema) -> str:
    kind = schema.get("type", "")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if kind == "object":
        return _object(schema)
    return escape(f"{kind} ({schema['format']})" if "format" in schema else str(kind))


def _object(schema: Schema) -> str:
    properties = schema.get("properties", {})
    if "data" in properties:
        return f"page of {type_of(properties['data']['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_of(schema['additionalProperties'])}"
    return "object"


def _values(values: Iterable[Any]) -> str:
    return " | ".join(f"<code>{escape(value)}</code>" for value in values)
