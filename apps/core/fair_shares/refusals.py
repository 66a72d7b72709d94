"""Refusals of requests above a limit (429), and of requests for which the process has no capacity (503)."""

from http import HTTPStatus

from apps.core.problems import HTTPError


class RateLimited(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """A shop, an API key or a shopper sent more requests than its limit."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"
    title = "Too many requests"
    default_detail = (
        "The limit of requests is reached. Nothing was done. Retry after the seconds in `Retry-After`, with the same "
        "`Idempotency-Key`; `RateLimit` names the limit."
    )


class Overloaded(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The process has more requests than it can handle soon."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "overloaded"
    title = "Server overloaded"
    default_detail = "The server is receiving too many requests at the moment. Retry later."
