"""An empty WSGI function: the cost of the server alone."""

from collections.abc import Callable
from typing import Any, Final

_BODY: Final = b"{}"
_HEADERS: Final = [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))]


def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Respond with an empty body."""
    start_response("200 OK", _HEADERS)
    return [_BODY]
