"""``docs/reference/settings.md``: every environment variable."""

from collections.abc import Iterator

from config.settings.environment import SERVER_VARIABLES, VARIABLES, Variable
from deploy.local.reference.markdown import code, opening, page, table


def settings_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    yield from opening(
        "Settings",
        "The environment variables that the roles of the image and `make run` read. An empty one counts as absent.",
        "A tenant's own settings (account, region, issuer, origins, currency, commission, resource map, policies, "
        "connections to partners) are rows of the registry, not variables. The secrets of its partners are in its own "
        "account ([operations](../operations.md#connect-a-tenant-to-its-partners)).",
        source="`config/settings/environment.py`",
    )
    heads = ("variable", "what", "default")
    yield from ("## Every role", "")
    yield from table(heads, map(_row, VARIABLES))
    yield from ("## The web server and `make run`", "")
    yield from table(heads, map(_row, SERVER_VARIABLES))


def _row(variable: Variable) -> tuple[str, ...]:
    default = "required in production" if variable.production else code(variable.default or "")
    return (code(variable.name), variable.meaning, default)
