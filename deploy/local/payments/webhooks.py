"""Webhooks of the provider: signed events, sent in the background, retried a few times, in no certain order.

The signature is Stripe's scheme: ``t=<seconds>,v1=<HMAC-SHA256 of "t.body" in hex>``.
"""

import hashlib
import hmac
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import urllib3

from deploy.local.payments.rows import new_reference

SIGNATURE_HEADER: Final = "Sandbox-Signature"

_LOG: Final = logging.getLogger(__name__)
_TRIES: Final = 6
_FIRST_WAIT_SECONDS: Final = 0.1  # doubled each time: three seconds in all
_TIMEOUT_SECONDS: Final = 5.0
_AGAIN: Final = {408, 425, 429}  # and 5xx; any other response is one


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The webhook endpoint of a shop, and its signing secret."""

    url: str
    secret: str


_ENDPOINTS: Final = msgspec.json.Decoder(dict[str, Endpoint])


class Webhooks:
    """Sends events. ``config`` is a JSON file of endpoints by account, read for each event; it may be missing."""

    def __init__(self, config: Path | None) -> None:
        self._config = config
        self._closing = threading.Event()
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="webhooks")
        self._http = urllib3.PoolManager(timeout=_TIMEOUT_SECONDS, retries=False)

    def notify(self, account: str, event_type: str, data: Any) -> None:
        """Queue an event, if the account has an endpoint."""
        endpoint = self._endpoint(account)
        if endpoint is None or self._closing.is_set():
            return
        event = {
            "id": new_reference("evt"),
            "type": event_type,
            "created_at": datetime.now(UTC),
            "account": account,
            "data": data,
        }
        self._threads.submit(self._deliver, endpoint, event_type, msgspec.json.encode(event))

    def close(self) -> None:
        """Stop retrying; undelivered events are lost."""
        self._closing.set()
        self._threads.shutdown(cancel_futures=True)

    def _endpoint(self, account: str) -> Endpoint | None:
        if self._config is None or not self._config.exists():
            return None
        return _ENDPOINTS.decode(self._config.read_bytes()).get(account)

    def _deliver(self, endpoint: Endpoint, event_type: str, body: bytes) -> None:
        wait_seconds = _FIRST_WAIT_SECONDS
        for _ in range(_TRIES):
            outcome = self._post(endpoint, body)
            if outcome is None:
                return
            if self._closing.wait(wait_seconds):
                break
            wait_seconds *= 2
        _LOG.warning("event %s was not delivered: %s", event_type, outcome)

    def _post(self, endpoint: Endpoint, body: bytes) -> str | None:
        """Send an event; return None on success, else the failure."""
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: sign(body, endpoint.secret)}
        try:
            response = self._http.request("POST", endpoint.url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            return type(error).__name__
        is_worth_another_try = response.status in _AGAIN or response.status >= 500  # noqa: PLR2004 - server errors
        return f"status {response.status}" if is_worth_another_try else None


def sign(body: bytes, secret: str, *, now: float | None = None) -> str:
    """Return the signature header of a body."""
    at = int(time.time() if now is None else now)
    mac = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"
