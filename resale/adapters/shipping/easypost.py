"""EasyPost, a carrier aggregator, through its own library.

It knows no idempotency keys. What keeps a label from being bought twice: a shipment is made first, which costs nothing,
and at most one label can be bought of one shipment; ours carry ``reference_of(shipment_id)``. Before another shipment
is made or a label bought, the reference is query for, and where that finds no label, so is the list of all that was
bought since our id was made: a reference need not be unique and "may" stand for an id (docs.easypost.com/docs/
easypost-objects), the list is certain. What is left: two calls for the same shipment at the very same moment.

Answers and errors hold addresses, so no error of the library is chained to ours or logged. Why a label was refused is
returned with it, in the carrier's words, for staff who may see the address.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar

import msgspec
import urllib3
from easypost.easypost_client import EasyPostClient
from easypost.errors.api.api_error import ApiError
from easypost.errors.general.easypost_error import EasyPostError
from easypost.errors.general.signature_verification_error import SignatureVerificationError
from easypost.util import validate_webhook

from resale.adapters.shipping.easypost_shapes import (
    PageShape,
    RatesShape,
    ShipmentShape,
    creation_time_of,
    event_of,
    message_of,
    offers,
    rate_of,
    reason_of,
    reference_of,
    shipment_of,
)
from resale.domain.ids import ShipmentId
from resale.domain.partners import (
    UNREADABLE,
    PartnerBalanceTooLow,
    PartnerEvent,
    PartnerMisconfigured,
    PartnerNotReady,
    PartnerUnavailable,
    Provider,
    SignatureInvalid,
    WebhookUnreadable,
)
from resale.domain.shipments import Label, LabelRequest, Rate, TrackingEvent, VoidState, refused_label
from resale.settings import Settings

T = TypeVar("T")

_PAGE: Final = 100  # the most one page holds (docs.easypost.com/docs/pagination)
_MAX_PAGES: Final = 10
_CLOCK_SKEW: Final = timedelta(minutes=10)
_SIGNATURE: Final = "x-hmac-signature"

#: Answers to a purchase that do not say it did not happen, or that another offer would do: query again later.
_NOT_FINAL: Final = (
    "SHIPMENT.POSTAGE.EXISTS",
    "SHIPMENT.POSTAGE.NO_RESPONSE",
    "SHIPMENT.POSTAGE.TIMED_OUT",
    "SHIPMENT.PURCHASE.IN_PROGRESS",
    "SHIPMENT.RATE",
)
_SHIPPED_ALREADY: Final = "SHIPMENT.REFUND.UNAVAILABLE"
_REFUSED: Final = frozenset({400, 422})  # the same request gets the same response
_ABSENT: Final = frozenset({400, 404, 422})
_NOT_SERVING: Final = frozenset({401, 403})  # key, rights
_BALANCE_TOO_LOW: Final = 402  # of the wallet that labels are paid from
_BALANCE_SECONDS: Final = 3600  # until money may have come in
_ABOUT_ONE_OBJECT: Final = frozenset({400, 404, 405, 409, 422})  # a response: EasyPost is in service


class _Refusal(Exception):  # noqa: N818 - named for what happened
    """Raised when EasyPost refuses a request. ``code`` and ``message`` are EasyPost's own; the message is personal."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class EasyPostShipping:
    """Implements ``resale.application.ports.ShippingProvider`` for one tenant's account at EasyPost."""

    def __init__(self, settings: Settings, *, api_key: str, webhook_secret: str | None = None) -> None:
        """Store the API key; no connection is opened. ``webhook_secret``: one, or several separated by spaces."""
        # Typed as an int, handed on to requests, which takes both.
        timeout: Any = (settings.connect_timeout_seconds, settings.shipping_timeout_seconds)
        self._client = EasyPostClient(api_key, api_base=settings.easypost_url, timeout=timeout)
        session = self._client._requests_session  # noqa: SLF001 - the library has no setting for either
        session.trust_env = False  # a ~/.netrc would replace the key
        transports: Any = session.adapters.values()
        for adapter in transports:
            # No retries here: a retry is a step of the workflow, which asks what became of the label first.
            adapter.max_retries = urllib3.Retry(0, read=False)
        self._webhook_secrets = (webhook_secret or "").split()

    @property
    def name(self) -> str:
        """``easypost``."""
        return Provider.EASYPOST

    def list_rates(self, request: LabelRequest) -> tuple[Rate, ...]:
        """List the rates of carriers, cheapest first; empty if EasyPost refuses the parcel.

        All are in one currency: the request's, or what the account is billed in when nobody offers that.

        Raises:
            PartnerUnavailable: The response is not known.
        """
        try:
            quoted = self._make(shipment_of(request))
        except _Refusal:
            return ()
        return tuple(rate_of(rate) for rate in offers(quoted.rates, currency=request.currency))

    def buy_label(self, request: LabelRequest) -> Label:
        """Buy the cheapest label, in the request's currency if possible, unless one was bought.

        Returns:
            The label; refused when EasyPost does not take the parcel (``address_invalid``, its code in lower case) or
            nobody would carry it (``no_rates``). Asked again with another address, it may be issued.

        Raises:
            PartnerUnavailable: The outcome is not known.
        """
        bought, waiting = self._look_up(request.shipment_id)
        if bought is not None:
            return bought
        reference = reference_of(request.shipment_id)
        try:
            if waiting is not None and waiting.is_for(request):
                shipment = self._request_new_rates(waiting)
            else:
                shipment = self._make({**shipment_of(request), "reference": reference})
        except _Refusal as refusal:
            return refused_label(reason_of(refusal.code), provider_reference=reference, message=refusal.message)
        best = next(iter(offers(shipment.rates, currency=request.currency)), None)
        if best is None:
            return refused_label("no_rates", provider_reference=shipment.id, message=shipment.refusals)
        return self._buy(shipment.id, best.id)

    def find_label(self, *, shipment_id: ShipmentId) -> Label | None:
        """Return the label of a shipment; None if none was bought. Raises PartnerUnavailable."""
        bought, _ = self._look_up(shipment_id)
        return bought

    def void_label(self, *, shipment_id: ShipmentId, provider_reference: str) -> VoidState:
        """Void a label: request the refund of its price. A shipment without a label cannot be closed.

        A refund that is submitted is not requested again, and one that was rejected is: "Refunds created very shortly
        after a label is generated may be improperly flagged as invalid" (docs.easypost.com/docs/shipping-refund).

        Raises:
            PartnerUnavailable: The outcome is not known.
        """
        shipment = self._find(shipment_id, provider_reference)
        if shipment is None or shipment.label is None or shipment.is_refunded:
            return VoidState.VOIDED
        if shipment.is_moving:
            return VoidState.IN_USE
        if shipment.awaits_refund:
            return VoidState.PENDING
        return self._request_refund(shipment.id)

    def list_tracking(self, *, shipment_id: ShipmentId, provider_reference: str) -> tuple[TrackingEvent, ...]:
        """Return all tracking events of a parcel; none if it is unknown. Raises PartnerUnavailable."""
        shipment = self._find(shipment_id, provider_reference)
        return () if shipment is None or shipment.tracker is None else shipment.tracker.events

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify and parse a webhook. EasyPost signs no time, so an old event is accepted; it only repeats known data.

        Raises:
            SignatureInvalid: Not EasyPost's.
            PartnerMisconfigured: There is no secret to check it with.
            WebhookUnreadable: EasyPost's, but no event.
        """
        self._verify(body, headers.get(_SIGNATURE, ""))
        try:
            return event_of(body)
        except UNREADABLE as error:
            raise WebhookUnreadable("The webhook's body is not an event.") from error

    def _request_refund(self, easypost_id: str) -> VoidState:
        try:
            shipment = self._request(
                lambda: self._client.shipment.refund(easypost_id), ShipmentShape, refusals=_REFUSED
            )
        except _Refusal as refusal:
            return VoidState.IN_USE if refusal.code == _SHIPPED_ALREADY else VoidState.REJECTED
        if shipment.is_refunded:
            return VoidState.VOIDED
        if shipment.is_moving:
            return VoidState.IN_USE
        return VoidState.PENDING if shipment.awaits_refund else VoidState.REJECTED

    def _find(self, shipment_id: ShipmentId, provider_reference: str) -> ShipmentShape | None:
        """Return a shipment by EasyPost's id, which must exist, or else by ours, which may not."""
        if provider_reference.startswith("shp_"):
            return self._require_shipment(provider_reference)
        label, _ = self._look_up(shipment_id)
        return None if label is None else self._require_shipment(label.provider_reference)

    def _require_shipment(self, easypost_id: str) -> ShipmentShape:
        found = self._retrieve(easypost_id)
        if found is None:
            raise PartnerNotReady("EasyPost has no shipment for a label that it sold.")
        return found

    def _look_up(self, shipment_id: ShipmentId) -> tuple[Label | None, ShipmentShape | None]:
        """Return the label that was bought, or else the shipment that waits for one."""
        named = self._retrieve(reference_of(shipment_id))
        if named is not None and named.label is not None:
            return named.label, None
        bought = list(self._iter_bought(shipment_id))
        if not bought:
            return None, named
        label = self._require_shipment(bought[-1]).label  # the first of several: the list is newest first
        if label is None:
            raise PartnerNotReady("EasyPost lists a label as bought but does not return it.")
        return label, None

    def _retrieve(self, name: str) -> ShipmentShape | None:
        try:
            found = self._request(lambda: self._client.shipment.retrieve(name), ShipmentShape, refusals=_ABSENT)
        except _Refusal:
            return None
        return found if name in {found.id, found.reference} else None

    def _iter_bought(self, shipment_id: ShipmentId) -> Iterator[str]:
        since = creation_time_of(shipment_id) - _CLOCK_SKEW
        query = {"page_size": _PAGE, "purchased": "true", "start_datetime": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
        for _ in range(_MAX_PAGES):
            page = self._request(lambda: self._client.shipment.all(**query), PageShape)
            yield from (one.id for one in page.shipments if one.reference == reference_of(shipment_id))
            if not page.has_more or not page.shipments:
                return
            query["before_id"] = page.shipments[-1].id
        raise PartnerNotReady("Too many labels were bought since then to find out whether this one was.")

    def _make(self, content: dict[str, Any]) -> ShipmentShape:
        return self._request(lambda: self._client.shipment.create(**content), ShipmentShape, refusals=_REFUSED)

    def _request_new_rates(self, waiting: ShipmentShape) -> ShipmentShape:
        """Request new rates: those of an older shipment can have expired."""
        found = self._request(lambda: self._client.shipment.regenerate_rates(waiting.id), RatesShape)
        return msgspec.structs.replace(waiting, rates=found.rates)

    def _buy(self, easypost_id: str, rate_id: str) -> Label:
        code, message = None, ""
        found: ShipmentShape | None
        try:
            found = self._request(
                lambda: self._client.shipment.buy(easypost_id, rate={"id": rate_id}), ShipmentShape, refusals=_REFUSED
            )
        except _Refusal as refusal:
            found, code, message = self._retrieve(easypost_id), refusal.code, refusal.message
        if found is not None and found.label is not None:
            return found.label
        if found is None or code is None or code.startswith(_NOT_FINAL):
            raise PartnerNotReady("EasyPost did not confirm whether the label was bought.")
        return refused_label(reason_of(code), provider_reference=easypost_id, message=message)

    def _verify(self, body: bytes, signature: str) -> None:
        if not self._webhook_secrets:
            raise PartnerMisconfigured("This connection has no webhook secret.", retry_after_seconds=60)
        # The library compares text, which has to be ASCII, and reads the body only after it was found good.
        if not signature.isascii() or not any(_is_signed(body, signature, secret) for secret in self._webhook_secrets):
            raise SignatureInvalid("The webhook's signature is missing or not valid.")

    @staticmethod
    def _request(call: Callable[[], Any], shape: type[T], *, refusals: frozenset[int] = frozenset()) -> T:
        """Call EasyPost and decode the response; statuses in ``refusals`` are refusals. Raises PartnerUnavailable."""
        try:
            return msgspec.convert(call().to_dict(), shape)
        except ApiError as error:
            status, refusal = error.http_status, _Refusal(str(error.code), message_of(error.message, error.errors))
        except (EasyPostError, msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError) as error:
            # The last four: the library trips over a response that is not as documented.
            raise PartnerUnavailable(f"EasyPost's response cannot be parsed ({type(error).__name__}).") from None
        if status in refusals:
            raise refusal
        if status in _NOT_SERVING:
            raise PartnerMisconfigured(
                f"EasyPost refuses the API key of this connection ({status}).", retry_after_seconds=60
            )
        if status == _BALANCE_TOO_LOW:
            raise PartnerBalanceTooLow(retry_after_seconds=_BALANCE_SECONDS)
        if status in _ABOUT_ONE_OBJECT:
            raise PartnerNotReady(f"EasyPost refused the request ({status}).")
        raise PartnerUnavailable(f"EasyPost did not respond ({status or 'no status'}).")


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    try:
        validate_webhook(body, {"X-Hmac-Signature": signature}, secret)
    except SignatureVerificationError:
        return False
    except ValueError:  # signed, and no JSON: whoever reads it says so
        return True
    return True
