"""The dated version of the public API. One version is served; a request for another is refused."""

from typing import Final

from django.http import HttpRequest

from apps.core.problems import HTTPError

#: Moves when a change would break a client; what was served before stays available under its date.
API_VERSION: Final = "2026-11-29"


class APIVersionUnsupported(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The API-Version header names a version that this API does not have."""

    code = "api_version_unsupported"
    title = "Unsupported API version"
    default_detail = (
        "The API-Version header names a version that this API does not have. Send the version named in the "
        "documentation."
    )


def require_known_version(request: HttpRequest) -> None:
    """Raise APIVersionUnsupported if the request names another version than the served one."""
    requested = request.META.get("HTTP_API_VERSION")
    if requested is not None and requested != API_VERSION:
        raise APIVersionUnsupported(f"Send API-Version: {API_VERSION}, or leave the header out.")
