"""Refusals of requests above a limit (429), and of requests for which the process has no capacity (503)."""

import math
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

    def __init__(self, *, policy: str, policy_item: str, wait_seconds: float) -> None:
        """Store the limit and the seconds until it admits a request.

        Args:
            policy: Its name: ``tenant``, ``key``, ``shopper`` or ``concurrent``.
            policy_item: The limit as an item of the RateLimit-Policy header.
            wait_seconds: Seconds; clients are told at least one.
        """
        seconds = max(math.ceil(wait_seconds), 1)
        quota_item = f'"{policy}";r=0;t={seconds}'
        headers = {"Retry-After": str(seconds), "RateLimit-Policy": policy_item, "RateLimit": quota_item}
        super().__init__(headers=headers)
        self.policy = policy
        self.wait_seconds = wait_seconds


class Overloaded(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The process has more requests than it can handle soon."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "overloaded"
    title = "Server overloaded"
    default_detail = "The server is receiving too many requests at the moment. Retry later."
