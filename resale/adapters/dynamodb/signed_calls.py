"""A signed DynamoDB call with retries: the part of the data lane that knows no operation."""

import logging
import random
from typing import Final

import tenacity
from botocore.retries.quota import RetryQuota

from resale.adapters.dynamodb.error_classification import TokenRefused, TransactionCanceled, Transient, failure_of
from resale.adapters.dynamodb.http_connections import ConnectionPool, TransportFailed
from resale.adapters.dynamodb.retries import PAUSE, Retries
from resale.adapters.signing import CredentialSource, JSONCallSigner, WallClock
from resale.errors import Unavailable

_LOG = logging.getLogger(__name__)

_CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_TARGET_PREFIX: Final = "DynamoDB_20120810."
_USER_AGENT: Final = "resale-data-lane"  # what CloudTrail shows
_OK: Final = 200

_random = random.SystemRandom()


class SignedCaller:
    """Calls DynamoDB for one tenant account.

    A write whose response was lost is sent again, so every write that goes through here must be conditional
    (or harmless twice): the unit of work recognises its own first try in the item that the refusal returns.
    """

    def __init__(
        self, pool: ConnectionPool, *, region: str, credentials: CredentialSource, quota: RetryQuota | None = None
    ) -> None:
        self._pool = pool
        self._credentials = credentials
        self._clock = WallClock()
        self._quota = quota or RetryQuota()
        self._signer = JSONCallSigner(region=region, service="dynamodb", host=pool.host, content_type=_CONTENT_TYPE)
        self._head = (
            f"POST / HTTP/1.1\r\nHost: {pool.host}\r\nUser-Agent: {_USER_AGENT}\r\nContent-Type: {_CONTENT_TYPE}\r\n"
        )

    def call(self, operation: str, body: bytes) -> bytes:
        """Call an operation; return the body of the response.

        Raises:
            ConditionFailed: A single write's condition did not hold.
            TransactionCanceled: A condition of a transaction did not hold, or contention outlasted the retries.
            Unavailable: Throttled, broken or silent until the retries ended, refused by the account, or no credentials.
            RequestInvalid: DynamoDB does not understand the request.
        """
        retries = Retries(self._quota)
        try:
            response = self._attempt(operation, body)
        except (Transient, TransportFailed, TransactionCanceled) as failure:
            response = self._repeat(operation, body, failure, retries)
        retries.record_success()
        return response

    def _repeat(self, operation: str, body: bytes, failure: Exception, retries: Retries) -> bytes:
        first: list[Exception] = [failure]

        def attempt() -> bytes:
            if first:
                raise first.pop()  # the attempt already made
            return self._attempt(operation, body)

        try:
            return tenacity.Retrying(retry=tenacity.retry_if_exception(retries.permits), wait=PAUSE, reraise=True)(
                attempt
            )
        except (Transient, TransportFailed) as last:
            _LOG.warning("gave up on %s at %s: %s", operation, self._pool.host, last)
            raise Unavailable(
                "The data store did not respond in time. Retry later.", retry_after_seconds=_random.randint(1, 3)
            ) from last

    def _attempt(self, operation: str, body: bytes) -> bytes:
        """Call once; if the token is refused, renew it and call once more."""
        try:
            return self._send(operation, body)
        except TokenRefused:
            self._credentials.expire()
        try:
            return self._send(operation, body)
        except TokenRefused as refusal:
            raise Unavailable(
                "The shop's data store refused the session. Retry later.", retry_after_seconds=10
            ) from refusal

    def _send(self, operation: str, body: bytes) -> bytes:
        response = self._pool.send(self._request(operation, body))
        if response.status == _OK:
            return response.body
        raise failure_of(response)

    def _request(self, operation: str, body: bytes) -> bytes:
        credentials = self._credentials.credentials()
        target = _TARGET_PREFIX + operation
        moment = self._clock.now()
        authorization = self._signer.authorization(target=target, body=body, credentials=credentials, moment=moment)
        token = f"X-Amz-Security-Token: {credentials.token}\r\n" if credentials.token else ""
        head = (
            f"{self._head}X-Amz-Date: {moment.timestamp}\r\nX-Amz-Target: {target}\r\n{token}"
            f"Authorization: {authorization}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
