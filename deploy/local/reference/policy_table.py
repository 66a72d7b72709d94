"""``docs/reference/policies.md``: the rules of a shop, with their limits and defaults."""

from collections.abc import Iterator

import msgspec

from deploy.local.reference.markdown import code, opening, page, table
from resale.domain.policies import Policies


def policy_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    yield from opening(
        "Policies",
        "The rules of a shop. An operator changes them on the shop's page in the admin; existing orders keep the "
        "deadlines that they were given. [Money and parcels](../money-and-parcels.md) explains what they decide.",
        source="`resale/domain/policies.py`",
    )
    properties = msgspec.json.schema(Policies)["$defs"]["Policies"]["properties"]
    yield from table(("policy", "what it decides", "from", "to", "default"), map(_row, properties.items()))


def _row(item: tuple[str, dict[str, object]]) -> tuple[str, ...]:
    name, schema = item
    bounds = tuple(str(schema.get(bound, "")) for bound in ("minimum", "maximum"))
    return (code(name), str(schema["description"]), *bounds, code(_default(schema["default"])))


def _default(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) if value != [] else "none"
