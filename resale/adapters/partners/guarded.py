"""Partners behind a guard: the same ports around any adapter. Reading a webhook calls nobody, so it is unguarded."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from resale.adapters.partners.guard import Guard
from resale.application.ports import PaymentProvider, ShippingProvider
from resale.domain.account_movements import AccountMovement
from resale.domain.ids import RefundId, ShipmentId
from resale.domain.money import Money
from resale.domain.onboarding import OnboardingLink, OnboardingRequest
from resale.domain.partners import PartnerEvent, ProviderTransaction
from resale.domain.payments import Dispute, PaymentOutcome, PaymentRequest, ProviderRefund, RefundOutcome
from resale.domain.payouts import PayoutOutcome, PayoutRequest
from resale.domain.sellers import PayoutAccount
from resale.domain.shipments import Label, LabelRequest, Rate, TrackingEvent, VoidState


class GuardedPayments:
    """Implements ``resale.application.ports.PaymentProvider``."""

    def __init__(self, provider: PaymentProvider, guard: Guard) -> None:
        self._provider = provider
        self._guard = guard

    @property
    def name(self) -> str:
        """Name of the provider."""
        return self._provider.name

    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        """Authorise the payment with the buyer's bank."""
        return self._guard.call(lambda: self._provider.authorise(request))

    def find_payment(self, request: PaymentRequest) -> PaymentOutcome | None:
        """Return the state of a payment attempt; None if the partner never received it."""
        return self._guard.call(lambda: self._provider.find_payment(request))

    def capture(self, request: PaymentRequest) -> PaymentOutcome:
        """Capture the authorised amount."""
        return self._guard.call(lambda: self._provider.capture(request))

    def void(self, request: PaymentRequest) -> PaymentOutcome:
        """Void a payment attempt."""
        return self._guard.call(lambda: self._provider.void(request))

    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        """Refund a captured payment, in full or in part."""
        return self._guard.call(lambda: self._provider.refund(request, refund_id=refund_id, amount=amount))

    def find_refund(self, request: PaymentRequest, *, refund_id: RefundId) -> RefundOutcome | None:
        """Return the state of a refund; None if the partner never received it."""
        return self._guard.call(lambda: self._provider.find_refund(request, refund_id=refund_id))

    def list_refunds(self, request: PaymentRequest) -> tuple[ProviderRefund, ...]:
        """List all refunds of a payment."""
        return self._guard.call(lambda: self._provider.list_refunds(request))

    def list_disputes(self, request: PaymentRequest) -> tuple[Dispute, ...]:
        """List all disputes of a payment."""
        return self._guard.call(lambda: self._provider.list_disputes(request))

    def onboard(self, request: OnboardingRequest) -> OnboardingLink:
        """Open a seller's account, or continue with it."""
        return self._guard.call(lambda: self._provider.onboard(request))

    def pay_out(self, request: PayoutRequest) -> PayoutOutcome:
        """Pay out to a seller."""
        return self._guard.call(lambda: self._provider.pay_out(request))

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        """Return the state of a payout; None if the partner never received it."""
        return self._guard.call(lambda: self._provider.find_payout(request))

    def find_payout_account(self, destination: str) -> PayoutAccount | None:
        """Return the state of a seller's account; None if there is none."""
        return self._guard.call(lambda: self._provider.find_payout_account(destination))

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify and parse a webhook."""
        return self._provider.read_event(body=body, headers=headers)

    def iter_transactions(self, *, since: datetime) -> Iterator[ProviderTransaction]:
        """Iterate over the money movements at the provider."""
        return self._guard.walk(lambda: self._provider.iter_transactions(since=since))

    def iter_account_movements(self, *, since: datetime, until: datetime) -> Iterator[AccountMovement]:
        """Iterate over the provider's fees and its payouts to the shop's bank."""
        return self._guard.walk(lambda: self._provider.iter_account_movements(since=since, until=until))


class GuardedShipping:
    """Implements ``resale.application.ports.ShippingProvider``."""

    def __init__(self, provider: ShippingProvider, guard: Guard) -> None:
        self._provider = provider
        self._guard = guard

    @property
    def name(self) -> str:
        """Name of the provider."""
        return self._provider.name

    def list_rates(self, request: LabelRequest) -> tuple[Rate, ...]:
        """List the rates of carriers."""
        return self._guard.call(lambda: self._provider.list_rates(request))

    def buy_label(self, request: LabelRequest) -> Label:
        """Buy the cheapest label."""
        return self._guard.call(lambda: self._provider.buy_label(request))

    def find_label(self, *, shipment_id: ShipmentId) -> Label | None:
        """Return the label of a shipment; None if none was bought."""
        return self._guard.call(lambda: self._provider.find_label(shipment_id=shipment_id))

    def void_label(self, *, shipment_id: ShipmentId, provider_reference: str) -> VoidState:
        """Void a label."""
        return self._guard.call(
            lambda: self._provider.void_label(shipment_id=shipment_id, provider_reference=provider_reference)
        )

    def list_tracking(self, *, shipment_id: ShipmentId, provider_reference: str) -> tuple[TrackingEvent, ...]:
        """Return all tracking events of a parcel."""
        return self._guard.call(
            lambda: self._provider.list_tracking(shipment_id=shipment_id, provider_reference=provider_reference)
        )

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        """Verify and parse a webhook."""
        return self._provider.read_event(body=body, headers=headers)
