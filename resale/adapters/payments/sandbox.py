"""The sandbox payment provider, spoken to over HTTP. It keeps books of its own, so a double charge would show."""

from typing import Final

import msgspec
import urllib3

from resale.domain.money import Money
from resale.domain.payments import PaymentOutcome, PaymentState
from resale.errors import Unavailable
from resale.settings import Settings

_OK: Final = 200
_NOT_FOUND: Final = 404


class _Answer(msgspec.Struct):
    state: PaymentState
    reference: str
    reason: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


class SandboxPayments:
    """Keeps ``resale.application.ports.PaymentProvider``. One per process; threads share its pool."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.payments_url
        timeout = urllib3.Timeout(connect=settings.connect_timeout_seconds, read=settings.payments_timeout_seconds)
        # No retries here: a retry is a step of the workflow, which asks what became of the attempt first.
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False, maxsize=16)

    def charge(self, *, attempt_id: str, order_id: str, amount: Money, token: str) -> PaymentOutcome:
        """Authorise and capture. Raises Unavailable when the outcome is not known."""
        body = {
            "attempt_id": attempt_id,
            "order_id": order_id,
            "amount": amount.amount,
            "currency": amount.currency,
            "token": token,
        }
        return self._known(self._call("POST", "/charges", body))

    def find_charge(self, *, attempt_id: str) -> PaymentOutcome | None:
        """Ask what became of an attempt; None when it was never booked."""
        response = self._call("GET", f"/charges/{attempt_id}", None)
        return None if response.status == _NOT_FOUND else self._known(response)

    def refund(self, *, attempt_id: str) -> PaymentOutcome:
        """Give an attempt back, or close one never booked."""
        return self._known(self._call("POST", f"/charges/{attempt_id}/refund", None))

    def _call(self, method: str, path: str, body: object | None) -> urllib3.BaseHTTPResponse:
        if self._url is None:
            raise Unavailable("No payment provider is set up.", retry_after_seconds=60)
        content = None if body is None else msgspec.json.encode(body)
        try:
            return self._pool.request(
                method, self._url + path, body=content, headers={"Content-Type": "application/json"}
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The payment provider's answer is not known: {type(error).__name__}.") from error

    @staticmethod
    def _known(response: urllib3.BaseHTTPResponse) -> PaymentOutcome:
        if response.status != _OK:
            raise Unavailable(f"The payment provider answered {response.status}.")
        try:
            answer = _ANSWER.decode(response.data)
        except msgspec.MsgspecError as error:
            raise Unavailable("The payment provider's answer cannot be read.") from error
        return PaymentOutcome(state=answer.state, provider_reference=answer.reference, reason_code=answer.reason)
