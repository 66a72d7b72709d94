"""Payment attempts: authorised, captured or voided. Idempotent.

Tokens: ``tok_ok`` is authorised; ``tok_declined`` is not; ``tok_timeout`` is and loses the first response;
``tok_error`` fails twice with nothing known, then is; ``tok_slow`` takes ten seconds, then is; ``tok_requires_action``
is once the
buyer has agreed. Any other is declined, but for those that are authorised and come to grief later:
``tok_capture_timeout`` (captured, the first response is lost), ``tok_capture_declined``, ``tok_capture_partial`` (half
is captured, as by a person in the dashboard), ``tok_refund_error`` (the
first two refunds fail), ``tok_refund_timeout`` (refunded, the first response is lost).
"""

from typing import Final

import msgspec

from deploy.local.payments.rows import Attempt, Kind, NewAttempt, entry_of, new_reference
from deploy.local.payments.service import ProviderContext, ProviderError, Refusal

_FAILING_TRIES: Final = 2
_LATER: Final = {
    "tok_capture_timeout",
    "tok_capture_declined",
    "tok_capture_partial",
    "tok_refund_error",
    "tok_refund_timeout",
}
_GOOD: Final = {"tok_ok", "tok_timeout", "tok_error", "tok_slow", *_LATER}
_WAITING: Final = {"requires_action", "authorized"}


class Attempts:
    """The attempts of all accounts."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    def find(self, account: str, attempt_id: str) -> Attempt | None:
        """Return an attempt; None if it is unknown."""
        return self._context.records.find(Attempt, account, attempt_id)

    def authorise(self, account: str, new: NewAttempt) -> Attempt:
        """Authorise an attempt once.

        Raises:
            Refusal: The id stands for another payment.
            ProviderError: Not now; nothing was known.
            ResponseLost: Booked; do not respond.
        """
        with self._context.exclusive(account, new.attempt_id):
            known = self.find(account, new.attempt_id)
            if known is not None:
                return _require_same(known, new)
            return self._authorise(account, new)

    def capture(self, account: str, attempt_id: str) -> Attempt:
        """Capture an authorised attempt; an unknown attempt is closed.

        Raises:
            ResponseLost: Booked; do not respond.
        """
        with self._context.exclusive(account, attempt_id):
            attempt = self.find(account, attempt_id)
            if attempt is None:
                return self._close(account, attempt_id)
            if attempt.state != "authorized":
                return attempt
            return self._capture(attempt)

    def void(self, account: str, attempt_id: str) -> Attempt:
        """Void an attempt; an unknown one is closed, so that a late authorisation has no effect."""
        with self._context.exclusive(account, attempt_id):
            attempt = self.find(account, attempt_id)
            if attempt is None:
                return self._close(account, attempt_id)
            return self._end(attempt, "voided") if attempt.state in _WAITING else attempt

    def complete_action(self, account: str, attempt_id: str, *, agreed: bool) -> Attempt:
        """Complete the buyer's action, with or without consent.

        Raises:
            Refusal: No such attempt.
        """
        with self._context.exclusive(account, attempt_id):
            attempt = self.find(account, attempt_id)
            if attempt is None:
                raise Refusal(404, "not_found")
            if attempt.state != "requires_action":
                return attempt
            if not agreed:
                return self._end(attempt, "declined", reason="authentication_failed")
            return self._set_state(attempt, "authorized", Kind.AUTHORIZATION)

    def _authorise(self, account: str, new: NewAttempt) -> Attempt:
        tried = self._context.records.count_call(account, f"authorise {new.attempt_id}")
        if new.token == "tok_error" and tried <= _FAILING_TRIES:  # noqa: S105 - a sandbox token
            raise ProviderError
        if new.token == "tok_slow" and self._context.closing.wait(self._context.slow_seconds):  # noqa: S105 - a sandbox token
            raise ProviderError
        attempt = self._decide(account, new)
        if new.token == "tok_timeout":  # noqa: S105 - a sandbox token
            self._context.lose_first_response(account, new.attempt_id)
        return attempt

    def _decide(self, account: str, new: NewAttempt) -> Attempt:
        attempt = Attempt(account=account, state="", reference=new_reference(), **msgspec.to_builtins(new))
        if new.token in _GOOD:
            return self._set_state(attempt, "authorized", Kind.AUTHORIZATION)
        if new.token == "tok_requires_action":  # noqa: S105 - a sandbox token
            return self._set_state(attempt, "requires_action")
        reason = "card_declined" if new.token == "tok_declined" else "invalid_token"  # noqa: S105 - a sandbox token
        return self._set_state(attempt, "declined", reason=reason)

    def _capture(self, attempt: Attempt) -> Attempt:
        if attempt.token == "tok_capture_declined":  # noqa: S105 - a sandbox token
            return self._end(attempt, "declined", reason="capture_declined")
        attempt = self._set_state(attempt, "captured", Kind.CAPTURE)
        if attempt.token == "tok_capture_timeout":  # noqa: S105 - a sandbox token
            self._context.lose_first_response(attempt.account, attempt.attempt_id)
        return attempt

    def _close(self, account: str, attempt_id: str) -> Attempt:
        nothing = Attempt(
            account=account,
            attempt_id=attempt_id,
            order_id="",
            amount=0,
            currency="",
            token="",
            state="voided",
            reference=new_reference(),
        )
        self._context.records.write(nothing)
        return nothing

    def _end(self, attempt: Attempt, state: str, *, reason: str | None = None) -> Attempt:
        released = () if attempt.state == "requires_action" else (Kind.RELEASE,)
        return self._set_state(attempt, state, *released, reason=reason)

    def _set_state(self, attempt: Attempt, state: str, *kinds: Kind, reason: str | None = None) -> Attempt:
        attempt = msgspec.structs.replace(attempt, state=state, reason=reason)
        self._context.records.write(attempt, *(entry_of(attempt, kind) for kind in kinds))
        self._context.notify(attempt.account, f"payment.{state}", attempt)
        return attempt


def _require_same(known: Attempt, new: NewAttempt) -> Attempt:
    is_closed = not known.order_id  # before it was ever authorised, so there is nothing to compare
    if not is_closed and any(getattr(known, name) != getattr(new, name) for name in NewAttempt.__struct_fields__):
        raise Refusal(422, "attempt_reused")
    return known
