"""Payments as Stripe PaymentIntents with manual capture.

An intent is made unconfirmed, with the attempt's id as the idempotency key: that moves no money, and making it again
gives the same one, so looking an attempt up is making it again and reading what it has become since. Only an intent
that was never confirmed is confirmed, and one that was given up cannot be. Stripe forgets keys after 24 hours; an
older attempt is searched for by its id, and never authorised any more.

A declined intent stays open at Stripe, and whoever has its client secret could confirm it with another card, so it is
cancelled before DECLINED is returned. Stripe refuses other parameters under a known key, so what an intent is made with
belongs to the attempt (``_PARAMETERS``).

Source: docs.stripe.com/payments/paymentintents/lifecycle; docs.stripe.com/api/idempotent_requests.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import stripe
from stripe.params import PaymentIntentCreateParams

from resale.adapters.payments.failures import PartnerRequestError
from resale.adapters.payments.stripe.amounts import AmountNotCarriedError, from_stripe, to_stripe
from resale.adapters.payments.stripe.client import code_of, message_of, raise_unknown
from resale.domain.partner_messages import clean_message
from resale.domain.partners import PartnerNotReady
from resale.domain.payments import PaymentOutcome, PaymentRequest, PaymentState
from resale.domain.return_urls import with_order_id

_KEY_SECONDS: Final = 23 * 3600  # Stripe keeps idempotency keys for 24 hours at least
_STATES: Final = {
    "requires_capture": PaymentState.AUTHORIZED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.VOIDED,
    "requires_action": PaymentState.REQUIRES_ACTION,
}
_UNCONFIRMED: Final = {"requires_payment_method", "requires_confirmation"}
_AMOUNT_PARAMS: Final = {"amount", "currency"}


class IntentState(msgspec.Struct, frozen=True):
    """The state of an attempt at Stripe. No outcome: the bank was not called yet. No id: there is no intent."""

    intent_id: str | None
    outcome: PaymentOutcome | None


class Intents:
    """The payments of one tenant.

    ``return_url`` is where the buyer's bank sends the buyer back to when their order names no page. Stripe adds its own
    ``payment_intent``, ``payment_intent_client_secret`` and ``redirect_status`` to either
    (docs.stripe.com/payments/3d-secure/authentication-flow).
    """

    def __init__(self, client: stripe.StripeClient, *, return_url: str | None) -> None:
        self._intents = client.v1.payment_intents
        self._return_url = return_url

    def look_up(self, request: PaymentRequest) -> IntentState:
        """Return the state of an attempt; creates its intent if there is none."""
        with raise_unknown():
            try:
                intent = self._find(request)
            except AmountNotCarriedError:
                return _build_refused(request, "amount_not_supported")
            except stripe.InvalidRequestError as error:
                if error.param not in _AMOUNT_PARAMS:
                    raise
                return _build_refused(request, code_of(error) or "amount_not_supported")
            return IntentState(None, None) if intent is None else IntentState(intent.id, self._settle(intent))

    def find_id(self, request: PaymentRequest) -> str | None:
        """Return the id of an attempt's intent, without a call if the request has it."""
        reference = request.provider_reference or ""
        return reference if reference.startswith("pi_") else self.look_up(request).intent_id

    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        """Confirm an attempt's intent, unless it is confirmed."""
        found = self.look_up(request)
        if found.outcome is not None:
            return found.outcome
        if found.intent_id is None:
            return _too_old(request)
        return self._confirm(found.intent_id, request)

    def capture(self, request: PaymentRequest) -> PaymentOutcome:
        """Capture the authorised amount; an attempt that was never confirmed is voided."""
        found = self.look_up(request)
        if found.outcome is None or found.intent_id is None:
            return found.outcome or self.void(request)
        if found.outcome.state != PaymentState.AUTHORIZED:
            return found.outcome
        return self._capture(found.intent_id)

    def void(self, request: PaymentRequest) -> PaymentOutcome:
        """Cancel an attempt's intent, unless it is captured."""
        found = self.look_up(request)
        if found.outcome is not None and found.outcome.state not in {
            PaymentState.AUTHORIZED,
            PaymentState.REQUIRES_ACTION,
        }:
            return found.outcome
        if found.intent_id is None:
            return _too_old(request)
        return self._cancel(found.intent_id)

    def _find(self, request: PaymentRequest) -> stripe.PaymentIntent | None:
        reference = request.provider_reference or ""
        if reference.startswith("pi_"):
            return self._intents.retrieve(reference)
        if not _is_key_kept(request.attempt_id):
            return self._search(request)
        try:
            made = self._make(request)
        except stripe.IdempotencyError as error:
            return self._find_made(request, error)
        return self._intents.retrieve(made.id)  # what making it again returns is how it was then

    def _find_made(self, request: PaymentRequest, error: stripe.IdempotencyError) -> stripe.PaymentIntent:
        """Find an intent that another release made with other parameters; search is late by up to a minute."""
        found = None if code_of(error) else self._search(request)
        if found is None:
            raise error
        if (found.amount, found.currency) != (to_stripe(request.amount), request.amount.currency.lower()):
            raise PartnerRequestError("The attempt was used for another amount.") from error
        return found

    def _search(self, request: PaymentRequest) -> stripe.PaymentIntent | None:
        query = f'metadata["attempt_id"]:"{request.attempt_id}"'
        return next(iter(self._intents.search({"query": query})), None)

    def _make(self, request: PaymentRequest) -> stripe.PaymentIntent:
        parameters = _PARAMETERS[request.request_version](request)
        return self._intents.create(parameters, {"idempotency_key": request.attempt_id})

    def _confirm(self, intent_id: str, request: PaymentRequest) -> PaymentOutcome:
        """Confirm without an idempotency key: Stripe confirms once, and a key would repeat its 500s for a day."""
        with raise_unknown():
            try:
                return_url = self._returns_to(request)
                if return_url is None:
                    return _require_outcome(self._intents.confirm(intent_id, {"payment_method": request.token}))
                return _require_outcome(
                    self._intents.confirm(intent_id, {"payment_method": request.token, "return_url": return_url})
                )
            except stripe.CardError as error:
                return self._close(intent_id, _build_declined(intent_id, code_of(error), message_of(error)))
            except stripe.InvalidRequestError as error:
                if error.param == "payment_method":
                    return self._close(intent_id, _build_declined(intent_id, "invalid_token"))
                return self._after(intent_id, error)

    def _returns_to(self, request: PaymentRequest) -> str | None:
        if request.return_url is not None:
            return request.return_url
        return None if self._return_url is None else with_order_id(self._return_url, request.order_id)

    def _capture(self, intent_id: str) -> PaymentOutcome:
        with raise_unknown():
            try:
                return _require_outcome(self._intents.capture(intent_id))
            except stripe.CardError as error:
                return self._close(intent_id, _build_declined(intent_id, code_of(error), message_of(error)))
            except stripe.InvalidRequestError as error:
                return self._after(intent_id, error)

    def _cancel(self, intent_id: str) -> PaymentOutcome:
        with raise_unknown():
            try:
                return _require_outcome(self._intents.cancel(intent_id, {"cancellation_reason": "abandoned"}))
            except stripe.InvalidRequestError as error:
                return self._after(intent_id, error)

    def _settle(self, intent: stripe.PaymentIntent) -> PaymentOutcome | None:
        """Return the outcome of an intent; one that was declined is cancelled first."""
        outcome = _outcome(intent)
        is_open = intent.status in _UNCONFIRMED
        return self._close(intent.id, outcome) if outcome is not None and is_open else outcome

    def _close(self, intent_id: str, declined: PaymentOutcome) -> PaymentOutcome:
        """Cancel a declined intent; return what it has become if the buyer paid it meanwhile."""
        closed = self._cancel(intent_id)
        return declined if closed.state in {PaymentState.VOIDED, PaymentState.DECLINED} else closed

    def _after(self, intent_id: str, error: stripe.InvalidRequestError) -> PaymentOutcome:
        """Return the state of an intent whose state changed during the request."""
        if code_of(error) not in {"payment_intent_unexpected_state", "charge_expired_for_capture"}:
            raise error
        return _require_outcome(self._intents.retrieve(intent_id))


def _build_parameters_1(request: PaymentRequest) -> PaymentIntentCreateParams:
    return {
        "amount": to_stripe(request.amount),
        "currency": request.amount.currency.lower(),
        "capture_method": "manual",
        "allowed_payment_method_types": ["card"],
        "metadata": {"order_id": request.order_id, "attempt_id": request.attempt_id},
        "transfer_group": request.order_id,
    }


#: By ``request_version`` of the attempt. A function here never changes: one with other parameters gets the next number,
#: ``REQUEST_VERSION`` in ``resale/domain/payments.py`` follows, and the old one stays until no attempt of it is open.
_PARAMETERS: Final[Mapping[int, Callable[[PaymentRequest], PaymentIntentCreateParams]]] = {1: _build_parameters_1}


def _is_key_kept(attempt_id: str) -> bool:
    """Return whether Stripe still has the idempotency key: ids are UUIDv7, so an attempt's id has its creation time."""
    made_at = int(attempt_id.partition("_")[2][:12], 16) / 1000
    return time.time() - made_at < _KEY_SECONDS


def _outcome(intent: stripe.PaymentIntent) -> PaymentOutcome | None:
    error = intent.last_payment_error
    if intent.status in _UNCONFIRMED:
        return None if error is None else _build_declined(intent.id, _decline_reason(error), _decline_message(error))
    if intent.status == "canceled" and error is not None:
        return _build_declined(intent.id, _decline_reason(error), _decline_message(error))
    state = _STATES.get(intent.status)
    if state is None:
        raise PartnerNotReady(f"The payment intent still has the status {intent.status}.")
    return PaymentOutcome(
        state=state,
        provider_reference=intent.id,
        reason_code=intent.cancellation_reason if state == PaymentState.VOIDED else None,
        action_url=_action_url(intent) if state == PaymentState.REQUIRES_ACTION else None,
        captured=from_stripe(intent.amount_received, intent.currency) if state == PaymentState.CAPTURED else None,
    )


def _decline_reason(error: object) -> str | None:
    return getattr(error, "decline_code", None) or getattr(error, "code", None)


def _decline_message(error: object) -> str | None:
    return clean_message(getattr(error, "message", None))


def _require_outcome(intent: stripe.PaymentIntent) -> PaymentOutcome:
    outcome = _outcome(intent)
    if outcome is None:
        raise PartnerNotReady("The payment was not confirmed.")
    return outcome


def _action_url(intent: stripe.PaymentIntent) -> str | None:
    redirect = getattr(intent.next_action, "redirect_to_url", None)
    return getattr(redirect, "url", None)


def _build_declined(reference: str, reason: str | None, message: str | None = None) -> PaymentOutcome:
    return PaymentOutcome(
        state=PaymentState.DECLINED,
        provider_reference=reference,
        reason_code=reason or "card_declined",
        message=message,
    )


def _build_refused(request: PaymentRequest, reason: str) -> IntentState:
    """Return the state of an amount for which Stripe creates no intent: the reference is our own id."""
    return IntentState(None, _build_declined(request.attempt_id, reason))


def _too_old(request: PaymentRequest) -> PaymentOutcome:
    return PaymentOutcome(
        state=PaymentState.VOIDED, provider_reference=request.attempt_id, reason_code="attempt_expired"
    )
