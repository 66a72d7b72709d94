"""The sandbox carrier over HTTP. It keeps its own records, so that a label bought twice is visible."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, TypeVar

import msgspec
import urllib3

from resale.adapters.payments.signatures import check_signature
from resale.domain.ids import ShipmentId
from resale.domain.money import Money
from resale.domain.partners import (
    UNREADABLE,
    PartnerEvent,
    PartnerMisconfigured,
    PartnerUnavailable,
    Provider,
    WebhookUnreadable,
)
from resale.domain.shipments import Label, LabelRequest, LabelState, Rate, TrackingEvent, VoidState
from resale.settings import Settings

T = TypeVar("T")

_OK: Final = 200
_UNKNOWN_ACCOUNT: Final = 401
_NOT_FOUND: Final = 404
_IN_USE: Final = 409


class _Rate(msgspec.Struct):
    carrier: str
    service: str
    amount: int
    currency: str
    delivery_days: int


class _Rates(msgspec.Struct):
    data: tuple[_Rate, ...]


class _Label(msgspec.Struct):
    state: LabelState
    reference: str
    carrier: str
    service: str
    tracking_number: str
    url: str
    amount: int
    currency: str
    reason: str | None = None
    message: str | None = None


class _Tracking(msgspec.Struct):
    data: tuple[TrackingEvent, ...]


class _Event(msgspec.Struct):
    id: str
    type: str
    created_at: Annotated[datetime, msgspec.Meta(tz=True)]
    shipment_id: ShipmentId
    tracking: tuple[TrackingEvent, ...] = ()


#: What became of a void, by the state of the label after it; anything else is closed.
_VOIDS: Final = {LabelState.VOIDING: VoidState.PENDING, LabelState.ISSUED: VoidState.REJECTED}
_EVENT: Final = msgspec.json.Decoder(_Event)


class SandboxShipping:
    """Implements ``resale.application.ports.ShippingProvider`` for one tenant; threads share its pool."""

    def __init__(self, settings: Settings, *, account: str, webhook_secret: str | None = None) -> None:
        """Store ``account``, the tenant's slug; no connection is opened. ``webhook_secret``: several by spaces."""
        self._url = settings.shipping_url
        self._headers = {"Content-Type": "application/json", "X-Sandbox-Account": account}
        self._webhook_secret = webhook_secret
        timeout = urllib3.Timeout(connect=settings.connect_timeout_seconds, read=settings.shipping_timeout_seconds)
        # No retries here: a retry is a step of the workflow, which asks what became of the label first.
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False, maxsize=16)

    @property
    def name(self) -> str:
        """``sandbox``."""
        return Provider.SANDBOX

    def list_rates(self, request: LabelRequest) -> tuple[Rate, ...]:
        """List the carrier's rates, cheapest first. Raises PartnerUnavailable."""
        found = self._read(self._call("POST", "/rates", request), _Rates)
        return tuple(
            Rate(
                carrier=rate.carrier,
                service=rate.service,
                price=Money(rate.amount, rate.currency),
                delivery_days=rate.delivery_days,
            )
            for rate in found.data
        )

    def buy_label(self, request: LabelRequest) -> Label:
        """Buy the cheapest label. Raises PartnerUnavailable if the outcome is unknown."""
        return self._label(self._call("POST", "/shipments", request))

    def find_label(self, *, shipment_id: ShipmentId) -> Label | None:
        """Return the label of a shipment; None if none was bought. Raises PartnerUnavailable."""
        response = self._call("GET", f"/shipments/{shipment_id}")
        return None if response.status == _NOT_FOUND else self._label(response)

    def void_label(self, *, shipment_id: ShipmentId, provider_reference: str) -> VoidState:  # noqa: ARG002 - the port's
        """Void a label, or close a shipment without one against a late purchase. Raises PartnerUnavailable."""
        response = self._call("POST", f"/shipments/{shipment_id}/void")
        if response.status == _IN_USE:
            return VoidState.IN_USE
        return _VOIDS.get(self._read(response, _Label).state, VoidState.VOIDED)

    def list_tracking(
        self,
        *,
        shipment_id: ShipmentId,
        provider_reference: str,  # noqa: ARG002 - the port's
    ) -> tuple[TrackingEvent, ...]:
        """Return all tracking events of a parcel; none if it is unknown. Raises PartnerUnavailable."""
        response = self._call("GET", f"/shipments/{shipment_id}/tracking")
        return () if response.status == _NOT_FOUND else self._read(response, _Tracking).data

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify and parse a webhook.

        Raises:
            SignatureInvalid: Not the sandbox's, or too long ago.
            PartnerMisconfigured: There is no secret to check it with.
            WebhookUnreadable: Signed, but nothing we understand.
        """
        check_signature(body, headers.get("sandbox-signature"), secrets=self._webhook_secret)
        try:
            event = _EVENT.decode(body)
        except UNREADABLE as error:
            raise WebhookUnreadable("The webhook's body is not an event of the sandbox carrier.") from error
        return PartnerEvent(
            provider_event_id=event.id,
            kind=event.type,
            occurred_at=event.created_at,
            shipment_id=event.shipment_id,
            tracking=event.tracking,
        )

    def _call(self, method: str, path: str, body: object | None = None) -> urllib3.BaseHTTPResponse:
        if self._url is None:
            raise PartnerMisconfigured("No carrier is configured.", retry_after_seconds=60)
        content = None if body is None else msgspec.json.encode(body)
        try:
            return self._pool.request(method, self._url + path, body=content, headers=self._headers)
        except urllib3.exceptions.HTTPError as error:
            raise PartnerUnavailable(f"The carrier did not respond: {type(error).__name__}.") from error

    @classmethod
    def _label(cls, response: urllib3.BaseHTTPResponse) -> Label:
        label = cls._read(response, _Label)
        has_cost = label.state in {LabelState.ISSUED, LabelState.VOIDING}
        return Label(
            state=label.state,
            provider_reference=label.reference,
            carrier=label.carrier,
            service=label.service,
            tracking_number=label.tracking_number,
            url=label.url,
            cost=Money(label.amount, label.currency) if has_cost else None,
            reason_code=label.reason,
            message=label.message,
        )

    @staticmethod
    def _read(response: urllib3.BaseHTTPResponse, kind: type[T]) -> T:
        if response.status == _UNKNOWN_ACCOUNT:
            raise PartnerMisconfigured("The carrier does not have this account.", retry_after_seconds=60)
        if response.status != _OK:
            raise PartnerUnavailable(f"The carrier responded with status {response.status}.")
        try:
            return msgspec.json.decode(response.data, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PartnerUnavailable("The carrier's response cannot be parsed.") from error
