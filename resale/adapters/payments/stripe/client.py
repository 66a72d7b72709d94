"""The Stripe client of one tenant, and the conversion of its errors."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, NoReturn

import stripe
import urllib3

from resale.adapters.payments.failures import PartnerRequestError
from resale.domain.partner_messages import clean_message
from resale.domain.partners import PartnerBalanceTooLow, PartnerMisconfigured, PartnerNotReady, PartnerUnavailable
from resale.settings import Settings

_CONNECTIONS: Final = 16  # kept open, of one process
_MISCONFIGURED_SECONDS: Final = 300  # until somebody has mended it
_BALANCE_SECONDS: Final = 3600  # until money may have come in
_BALANCE_TOO_LOW: Final = "balance_insufficient"
#: A connected account that left, was deleted or never was the platform's: about that account, not about our key
#: (docs.stripe.com/error-codes#account-invalid).
ACCOUNT_GONE: Final = "account_invalid"
#: One object is being changed by another request (docs.stripe.com/error-codes#lock-timeout).
_LOCKED: Final = {"lock_timeout", "idempotency_key_in_use"}


class PooledHTTP(stripe.HTTPClient):
    """HTTP for Stripe's library: one pool for all tenants of a process, short timeouts, no cookies, no redirects."""

    name = "urllib3"

    def __init__(self, *, connect_seconds: float, read_seconds: float) -> None:
        super().__init__()
        timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
        self._pool = urllib3.PoolManager(
            timeout=timeout, retries=False, maxsize=_CONNECTIONS, ca_certs=stripe.ca_bundle_path
        )

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,  # of telemetry, which is off
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request. Raises stripe.APIConnectionError if no complete response arrives."""
        try:
            response = self._pool.request(method.upper(), url, body=post_data, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise stripe.APIConnectionError(type(error).__name__) from error  # type: ignore[no-untyped-call]
        return response.data.decode(errors="replace"), response.status, response.headers

    def close(self) -> None:
        """Close the pool."""
        self._pool.clear()


def make_client(settings: Settings, *, api_key: str, api_base: str | None) -> stripe.StripeClient:
    """Create a tenant's client. It never retries: a retry is a step of the workflow, which checks the state first."""
    stripe.enable_telemetry = False  # the library's only switch; off, it also leaves no file in the home folder
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": api_base} if api_base else {},
        max_network_retries=0,
        http_client=_shared_http(settings.connect_timeout_seconds, settings.payments_timeout_seconds),
    )


@contextmanager
def raise_unknown() -> Iterator[None]:
    """Convert errors of unknown outcome into PartnerUnavailable; handle expected refusals inside.

    Raises:
        PartnerUnavailable: The outcome is not known.
        PartnerNotReady: Stripe responded that it cannot process this object now.
        PartnerMisconfigured: Stripe does not take the tenant's key.
        PartnerRequestError: We asked for what makes no sense, or for an account that is not the platform's.
    """
    try:
        yield
    except stripe.PermissionError as error:
        if code_of(error) == ACCOUNT_GONE:
            _raise_refusal(error)
        raise _build_misconfigured() from error
    except stripe.AuthenticationError as error:
        raise _build_misconfigured() from error
    except (stripe.InvalidRequestError, stripe.IdempotencyError, stripe.CardError) as error:
        _raise_refusal(error)
    except stripe.StripeError as error:  # a connection, a limit, 409, 5xx, or no JSON at all
        if code_of(error) in _LOCKED:
            _raise_refusal(error)
        raise PartnerUnavailable(f"Stripe did not respond: {type(error).__name__}.") from error


def _build_misconfigured() -> PartnerMisconfigured:
    return PartnerMisconfigured(
        "Stripe refuses the API key of this connection.", retry_after_seconds=_MISCONFIGURED_SECONDS
    )


def code_of(error: stripe.StripeError) -> str | None:
    """Return the stable code of an error: the issuer's own reason if there is one."""
    details = error.error
    return getattr(details, "decline_code", None) or getattr(details, "code", None)


def message_of(error: stripe.StripeError) -> str | None:
    """Return Stripe's own sentence about a refusal, bounded and cleaned."""
    return clean_message(getattr(error.error, "message", None))


def _raise_refusal(error: stripe.StripeError) -> NoReturn:
    code = code_of(error)
    if code == _BALANCE_TOO_LOW:
        raise PartnerBalanceTooLow(retry_after_seconds=_BALANCE_SECONDS) from error
    if code in _LOCKED or isinstance(error, stripe.IdempotencyError):
        raise PartnerNotReady(f"Stripe cannot process the request now: {code or 'idempotency_error'}.") from error
    where = getattr(error, "param", None)
    raise PartnerRequestError(f"Stripe refused the request: {code}, at {where}.") from error


@lru_cache(maxsize=4)
def _shared_http(connect_seconds: float, read_seconds: float) -> PooledHTTP:
    return PooledHTTP(connect_seconds=connect_seconds, read_seconds=read_seconds)


os.register_at_fork(after_in_child=_shared_http.cache_clear)  # its sockets are the parent's
