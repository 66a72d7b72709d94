"""Partners behind a guard: the same ports around any adapter. A webhook is read unguarded: nobody is called."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from resale.adapters.partners.guard import Guard
from resale.application.ports import PaymentProvider, ShippingProvider
from resale.domain.ids import RefundId, ShipmentId
from resale.domain.money import Money
from resale.domain.partners import PartnerEvent, ProviderBooking
from resale.domain.payments import PaymentOutcome, PaymentRequest, RefundOutcome
from resale.domain.payouts import PayoutOutcome, PayoutRequest
from resale.domain.shipments import Label, LabelRequest, Rate, TrackingEvent, VoidState


class GuardedPayments:
    """Keeps ``resale.application.ports.PaymentProvider``."""

    def __init__(self, provider: PaymentProvider, guard: Guard) -> None:
        self._provider = provider
        self._guard = guard

    @property
    def name(self) -> str:
        """Name of the provider."""
        return self._provider.name

    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        """Ask the buyer's bank to set the money aside."""
        return self._guard.call(lambda: self._provider.authorise(request))

    def find_payment(self, request: PaymentRequest) -> PaymentOutcome | None:
        """Ask what became of an attempt."""
        return self._guard.call(lambda: self._provider.find_payment(request))

    def capture(self, request: PaymentRequest) -> PaymentOutcome:
        """Take the money set aside."""
        return self._guard.call(lambda: self._provider.capture(request))

    def void(self, request: PaymentRequest) -> PaymentOutcome:
        """Give up an attempt."""
        return self._guard.call(lambda: self._provider.void(request))

    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        """Give part or all of a captured payment back."""
        return self._guard.call(lambda: self._provider.refund(request, refund_id=refund_id, amount=amount))

    def find_refund(self, request: PaymentRequest, *, refund_id: RefundId) -> RefundOutcome | None:
        """Ask what became of a refund."""
        return self._guard.call(lambda: self._provider.find_refund(request, refund_id=refund_id))

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        """Send a seller's money on its way."""
        return self._guard.call(lambda: self._provider.pay_out(request))

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        """Ask what became of a payout."""
        return self._guard.call(lambda: self._provider.find_payout(request))

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify a webhook and read it."""
        return self._provider.read_event(body=body, headers=headers)

    def iter_bookings(self, *, since: datetime) -> Iterator[ProviderBooking]:
        """Go through the provider's own books."""
        return self._guard.walk(lambda: self._provider.iter_bookings(since=since))


class GuardedShipping:
    """Keeps ``resale.application.ports.ShippingProvider``."""

    def __init__(self, provider: ShippingProvider, guard: Guard) -> None:
        self._provider = provider
        self._guard = guard

    @property
    def name(self) -> str:
        """Name of the provider."""
        return self._provider.name

    def list_rates(self, request: LabelRequest) -> tuple[Rate, ...]:
        """Say what carriers would ask."""
        return self._guard.call(lambda: self._provider.list_rates(request))

    def buy_label(self, request: LabelRequest) -> Label:
        """Buy the cheapest label."""
        return self._guard.call(lambda: self._provider.buy_label(request))

    def find_label(self, *, shipment_id: ShipmentId) -> Label | None:
        """Ask what became of a label."""
        return self._guard.call(lambda: self._provider.find_label(shipment_id=shipment_id))

    def void_label(self, *, shipment_id: ShipmentId, provider_reference: str) -> VoidState:
        """Give a label back."""
        return self._guard.call(
            lambda: self._provider.void_label(shipment_id=shipment_id, provider_reference=provider_reference)
        )

    def list_tracking(self, *, shipment_id: ShipmentId, provider_reference: str) -> tuple[TrackingEvent, ...]:
        """Ask for everything that was reported of a parcel."""
        return self._guard.call(
            lambda: self._provider.list_tracking(shipment_id=shipment_id, provider_reference=provider_reference)
        )

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify a webhook and read it."""
        return self._provider.read_event(body=body, headers=headers)
