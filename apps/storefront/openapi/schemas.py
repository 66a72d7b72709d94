"""Components: the JSON Schemas of the structs of bodies and responses."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import msgspec

from apps.core.problems import Problem
from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.openapi.examples import examples_of

Schema = dict[str, Any]

REF: Final = "#/components/schemas/"
_ABOUT: Final = ("description", "default")  # what is schema of a field beside what it takes
_DESCRIPTIONS: Final[dict[str, str]] = {
    "RenditionView": "One size of a photo.",
    "Problem": "A problem document (RFC 9457).",
}
_RENDITION_URL: Final = (
    "Public and unchanging once the listing is approved. Until then, and after the listing is rejected, withdrawn or "
    "removed, a link that expires after 15 minutes: read the listing again for a new one."
)


def components(endpoints: Iterable[AnyEndpoint]) -> dict[str, Schema]:
    """Build the schemas of every body and response, and of the problem document."""
    declared = tuple(endpoints)
    bodies = [endpoint.body for endpoint in declared if endpoint.body is not None]
    responses = [kind for endpoint in declared for kind in endpoint.responses]
    made = schemas_of([*bodies, *responses, Problem], ref=REF + "{name}")
    sent = _find_reachable(made, (kind.__name__ for kind in bodies))
    for name in sent:
        _let_optional_be_null(made[name])
    examples = examples_of(declared)
    for name, schema in made.items():
        _tidy(name, schema, always_complete=name not in {*sent, "Problem"})
        if name in examples:
            schema["examples"] = [examples[name]]
    return dict(sorted(made.items()))


def schemas_of(kinds: Iterable[type[Any]], *, ref: str) -> dict[str, Schema]:
    r"""Return the JSON Schemas of structs, with JSON defaults and ECMA patterns (whose ``$`` is our ``\Z``)."""
    _, made = msgspec.json.schema_components(kinds, ref_template=ref)
    found = cast("dict[str, Schema]", msgspec.json.decode(msgspec.json.encode(made).replace(rb"\\Z", b"$")))
    _add_types(found)
    return found


def page_of(schema: Schema) -> Schema:
    """Return the schema of a page of a list."""
    cursor = {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "Null on the last page."}
    return {
        "type": "object",
        "properties": {
            "object": {"type": "string", "const": "list"},
            "data": {"type": "array", "items": schema},
            "has_more": {"type": "boolean"},
            "next_cursor": cursor,
        },
        "required": ["object", "data", "has_more", "next_cursor"],
    }


def one_of(kinds: Iterable[type[Any]]) -> Schema:
    """Return a reference to a view, or to one of several by audience."""
    refs: list[Schema] = [{"$ref": REF + kind.__name__} for kind in kinds]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _tidy(name: str, schema: Schema, *, always_complete: bool) -> None:
    """Add what msgspec cannot know: that responses have every field, and which fields are URLs and times."""
    properties: dict[str, Schema] = schema.get("properties", {})
    if "$key" in properties:  # ``queries.listings.listing_json`` sends it as a URL
        schema["properties"] = {"url" if key == "$key" else key: value for key, value in properties.items()}
        schema["properties"]["url"] = {"type": "string", "format": "uri", "description": _RENDITION_URL}
    for key, value in properties.items():
        if key == "at" or key.endswith("_at"):
            _mark_time(value)
    if always_complete and properties:
        schema["required"] = list(schema["properties"])
        for value in schema["properties"].values():
            value.pop("default", None)
    schema["description"] = _DESCRIPTIONS.get(name, schema.get("description") or "").replace("``", "`")


def _let_optional_be_null(schema: Schema) -> None:
    """Permit null in optional fields, where it counts as absent (``apps.core.input_text``)."""
    properties: dict[str, Schema] = schema.get("properties", {})
    for name in properties.keys() - set(schema.get("required", ())):
        schema = properties[name]
        choices = schema.get("anyOf") or [{key: value for key, value in schema.items() if key not in _ABOUT}]
        if {"type": "null"} not in choices:
            choices = [*choices, {"type": "null"}]
        properties[name] = {**{key: schema[key] for key in _ABOUT if key in schema}, "anyOf": choices}


def _add_types(node: Any) -> None:
    """Add the type of each enum and constant, because client generators read ``Any`` otherwise."""
    if isinstance(node, dict):
        values = node.get("enum") or ([node["const"]] if "const" in node else [])
        if values and "type" not in node and all(isinstance(value, str) for value in values):
            node["type"] = "string"
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _add_types(child)


def _mark_time(schema: Schema) -> None:
    for one in (schema, *schema.get("anyOf", ())):
        if one.get("type") == "string":
            one["format"] = "date-time"


def _find_reachable(made: dict[str, Schema], names: Iterable[str]) -> set[str]:
    """Follow references from some components to all they are made of."""
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(_references(made[name]))
    return reached


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(ref := node.get("$ref"), str):
            yield ref.removeprefix(REF)
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
