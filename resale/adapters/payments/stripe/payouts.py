"""Payouts as two movements: a transfer to the seller's connected account, then a payout from there to their bank.

Both are found again by our payout's id: the transfer by its group, the payout by its metadata. A payout that fails
leaves the money in the connected account, so its transfer is reversed before FAILED (or RETURNED) is returned: then,
and only then, the money is the platform's again. Where Stripe does not reverse it, the state is STUCK: each later
look-up requests it again. The payout of an account that left is UNREACHABLE.

Source: docs.stripe.com/connect/separate-charges-and-transfers; docs.stripe.com/connect/manual-payouts;
docs.stripe.com/api/payouts/object ("some payouts that fail might initially show as paid").
"""

from typing import Final

import msgspec
import stripe

from resale.adapters.payments.stripe.amounts import AmountNotCarriedError, payout_to_stripe
from resale.adapters.payments.stripe.client import ACCOUNT_GONE, code_of, message_of, raise_unknown
from resale.domain.partner_messages import clean_message
from resale.domain.payouts import PayoutOutcome, PayoutRequest, PayoutState

_STATES: Final = {
    "pending": PayoutState.IN_TRANSIT,
    "in_transit": PayoutState.IN_TRANSIT,
    "paid": PayoutState.PAID,
}
#: Refusals that stay, whoever asks: the seller's account cannot be paid, or not this amount.
_FOR_GOOD: Final = {
    "account_closed",
    "account_invalid",
    "account_number_invalid",
    "amount_too_large",
    "amount_too_small",
    "bank_account_declined",
    "bank_account_unusable",
    "bank_account_unverified",
    "insufficient_capabilities_for_transfer",
    "invalid_amount",
    "no_account",
    "payouts_not_allowed",
    "transfers_not_allowed",
}
_SELLERS_PARAMS: Final = {"destination", "amount", "currency"}
_PAGE: Final = 100  # the most a list gives at once


class Payouts:
    """The payouts of one tenant's sellers."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._transfers = client.v1.transfers
        self._payouts = client.v1.payouts

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        """Pay out once; an interrupted payout is completed."""
        with raise_unknown():
            transfer = self._find_transfer(request)
            if transfer is None:
                try:
                    transfer = self._transfer(request)
                except AmountNotCarriedError:
                    return _build_failed(request.payout_id, "amount_not_supported")
                except stripe.InvalidRequestError as error:
                    return _build_failed(request.payout_id, _refusal(error), message_of(error))
            return self._pay_on(transfer, request)

    def find(self, request: PayoutRequest) -> PayoutOutcome | None:
        """Return the state of a payout; None if only its transfer was created, so that it is requested again."""
        with raise_unknown():
            if request.provider_reference is not None and request.provider_reference.startswith("po_"):
                return self._find_sent(request, request.provider_reference)
            transfer = self._find_transfer(request)
            if transfer is None:
                return None
            if transfer.reversed:
                return _failure_of(transfer, transfer.id)
            try:
                found = self._find_payout(transfer, request)
            except stripe.PermissionError as error:
                return self._return(transfer, request, _account_gone(error))
            return None if found is None else self._outcome(found, transfer, request)

    def _find_sent(self, request: PayoutRequest, payout_id: str) -> PayoutOutcome:
        """Return the state of a payout that was sent; UNREACHABLE if its account has left."""
        try:
            payout = self._payouts.retrieve(payout_id, options={"stripe_account": request.destination})
        except stripe.PermissionError as error:
            reason, transfer = _account_gone(error), self._find_transfer(request)
            if transfer is not None and transfer.reversed:
                return _failure_of(transfer, payout_id)
            # It may have arrived, so its transfer is not reversed.
            return PayoutOutcome(state=PayoutState.UNREACHABLE, provider_reference=payout_id, reason_code=reason)
        return self._outcome(payout, None, request)

    def _pay_on(self, transfer: stripe.Transfer, request: PayoutRequest) -> PayoutOutcome:
        if transfer.reversed:
            return _failure_of(transfer, transfer.id)
        try:
            payout = self._find_payout(transfer, request) or self._pay(request)
        except (stripe.InvalidRequestError, stripe.PermissionError) as error:
            return self._return(transfer, request, _refusal(error), message_of(error))
        return self._outcome(payout, transfer, request)

    def _find_transfer(self, request: PayoutRequest) -> stripe.Transfer | None:
        return next(iter(self._transfers.list({"transfer_group": request.payout_id, "limit": 1})), None)

    def _transfer(self, request: PayoutRequest) -> stripe.Transfer:
        return self._transfers.create(
            {
                "amount": payout_to_stripe(request.amount),  # whole, or the payout that follows would be refused
                "currency": request.amount.currency.lower(),
                "destination": request.destination,
                "transfer_group": request.payout_id,
                "metadata": {"payout_id": request.payout_id},
            },
            {"idempotency_key": f"{request.payout_id}:transfer"},
        )

    def _find_payout(self, transfer: stripe.Transfer, request: PayoutRequest) -> stripe.Payout | None:
        listed = self._payouts.list(
            {"created": {"gte": transfer.created}, "limit": _PAGE}, {"stripe_account": request.destination}
        )
        for payout in listed.auto_paging_iter():
            if getattr(payout.metadata, "payout_id", None) == request.payout_id:
                return payout
        return None

    def _pay(self, request: PayoutRequest) -> stripe.Payout:
        return self._payouts.create(
            {
                "amount": payout_to_stripe(request.amount),
                "currency": request.amount.currency.lower(),
                "metadata": {"payout_id": request.payout_id},
            },
            {"stripe_account": request.destination, "idempotency_key": f"{request.payout_id}:payout"},
        )

    def _outcome(
        self, payout: stripe.Payout, transfer: stripe.Transfer | None, request: PayoutRequest
    ) -> PayoutOutcome:
        state = _STATES.get(payout.status)
        if state is not None:
            return PayoutOutcome(state=state, provider_reference=payout.id)
        reason, message = payout.failure_code or payout.status, clean_message(payout.failure_message)
        transfer = transfer or self._find_transfer(request)
        if transfer is not None and not transfer.reversed:
            returned = self._return(transfer, request, reason, message)
            if returned.state == PayoutState.STUCK:
                return msgspec.structs.replace(returned, provider_reference=payout.id)
        # Our side knows it as sent, or even as paid: it came back. Not known as sent, it failed.
        is_return = payout.status == "failed" and request.provider_reference == payout.id
        state = PayoutState.RETURNED if is_return else PayoutState.FAILED
        return PayoutOutcome(state=state, provider_reference=payout.id, reason_code=reason, message=message)

    def _return(
        self, transfer: stripe.Transfer, request: PayoutRequest, reason: str, message: str | None = None
    ) -> PayoutOutcome:
        """Reverse the transfer and return FAILED; STUCK where Stripe refuses, such as an empty or a closed account.

        Without an idempotency key, which would repeat a refusal for a day: a transfer is reversed at most once in full.

        Source: docs.stripe.com/connect/separate-charges-and-transfers, reverse transfers.
        """
        metadata = {"payout_id": request.payout_id, "reason_code": reason, "message": message or ""}
        try:
            self._transfers.reversals.create(transfer.id, {"metadata": metadata})
        except (stripe.InvalidRequestError, stripe.PermissionError) as error:
            return _build_stuck(transfer.id, _reversal_refusal(error))
        return _build_failed(transfer.id, reason, message)


def _refusal(error: stripe.InvalidRequestError | stripe.PermissionError) -> str:
    """Return the reason of a permanent refusal; other errors are raised."""
    code = code_of(error)
    if code not in _FOR_GOOD and getattr(error, "param", None) not in _SELLERS_PARAMS:
        raise error
    return code or "payout_refused"


def _account_gone(error: stripe.PermissionError) -> str:
    """Return the reason if the refusal is about the seller's account; one of our own key is raised."""
    if code_of(error) != ACCOUNT_GONE:
        raise error
    return ACCOUNT_GONE


def _reversal_refusal(error: stripe.InvalidRequestError | stripe.PermissionError) -> str:
    """Return the code of a refused reversal; a request that makes no sense, or our own key, is raised."""
    code = code_of(error)
    is_ours = code == "parameter_unknown" or (isinstance(error, stripe.PermissionError) and code != ACCOUNT_GONE)
    if is_ours:
        raise error
    return code or "reversal_refused"


def _failure_of(transfer: stripe.Transfer, reference: str) -> PayoutOutcome:
    """Return the failure that the reversal of a transfer records."""
    for reversal in transfer.reversals:
        if reason := getattr(reversal.metadata, "reason_code", None):
            return _build_failed(reference, str(reason), clean_message(getattr(reversal.metadata, "message", None)))
    return _build_failed(reference, "transfer_reversed")


def _build_failed(reference: str, reason: str, message: str | None = None) -> PayoutOutcome:
    return PayoutOutcome(state=PayoutState.FAILED, provider_reference=reference, reason_code=reason, message=message)


def _build_stuck(reference: str, reason: str) -> PayoutOutcome:
    return PayoutOutcome(state=PayoutState.STUCK, provider_reference=reference, reason_code=reason)
