"""What staff and operators can send. Every form but a search is a POST with a CSRF token."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec
from django import forms
from django.core.validators import RegexValidator

from apps.backoffice.amounts import AmountField
from apps.backoffice.text_fields import TextField
from resale.application.operations.listings import Decision, Moderation
from resale.application.operations.orders import Acknowledgement, ClaimDecision, NewCompensation, NewRefund
from resale.application.queries.ledger import MAX_DAYS
from resale.domain.claims import Resolution, Verdict
from resale.domain.ids import OrderId
from resale.domain.policies import LossBearer
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from resale.domain.text import TextKind

#: What sellers are told most often; each is sent as it reads here.
REASONS: Final = (
    "The photos do not show the whole item.",
    "A photo is blurred, dark or shows something else.",
    "The condition is not described as the photos show it.",
    "The description or the title does not fit the item.",
    "The price does not fit the item.",
    "This product cannot be sold here.",
    "The item does not seem to be genuine.",
)
_NOTE_CHARS: Final = 500  # resale.domain.listings.Reason
_WORDS_CHARS: Final = 2_000  # resale.domain.claims.Words

#: Why the brand gives money back of its own accord; the code goes into the order's history.
_REFUND_REASONS: Final = (
    ("goodwill", "Goodwill"),
    ("late_delivery", "Late delivery"),
    ("not_as_described", "Not as described"),
    ("price_adjustment", "Price adjustment"),
    ("agreed_with_seller", "Agreed with the seller"),
)
_NOTED_REASONS: Final = (
    ("loss_taken", "The shop bears the loss"),
    ("agreed_with_seller", "Agreed with the seller"),
    ("settled_elsewhere", "Settled elsewhere"),
    ("nothing_to_do", "Seen, nothing left to do"),
)
_COMPENSATION_REASONS: Final = (
    ("lost_in_transit", "The parcel is lost"),
    ("item_kept", "The buyer has the item"),
    ("return_not_delivered", "The return did not arrive"),
    ("goodwill", "Goodwill"),
)
_BEARERS: Final = (
    (LossBearer.PLATFORM.value, "The shop"),
    (LossBearer.CARRIER_CLAIM.value, "The carrier. It is claimed, and the claim is posted as a receivable."),
)
_ALL: Final = "all"
_PART: Final = "part"

#: The tracking statuses that staff can report, and what follows.
_REPORTS: Final = (
    (ShipmentStatus.IN_TRANSIT, "The carrier has the parcel: the order is shipped."),
    (ShipmentStatus.DELIVERED, "The parcel is delivered: the claim window opens."),
    (ShipmentStatus.AVAILABLE_FOR_PICKUP, "The parcel waits at a counter to be collected."),
    (ShipmentStatus.REFUSED, "The recipient refused the parcel: it goes back to its sender."),
    (ShipmentStatus.NOT_COLLECTED, "The parcel was not collected: it goes back to its sender."),
    (ShipmentStatus.RETURNED, "The parcel is back at its sender: the buyer is refunded."),
    (ShipmentStatus.FAILURE, "The parcel is lost: the buyer is refunded if it is not found in time."),
)
_RETURN_REPORTS: Final = (
    (ShipmentStatus.IN_TRANSIT, "The buyer has sent the return: the order is refunded, now or at its arrival."),
    (ShipmentStatus.DELIVERED, "The return has arrived: the order is refunded."),
    (ShipmentStatus.REFUSED, "The seller refused the return: it goes back to the buyer."),
    (ShipmentStatus.RETURNED, "The return is back at the buyer."),
    (ShipmentStatus.FAILURE, "The return is lost."),
)
_VERDICTS: Final = (
    (
        Verdict.APPROVE,
        "Approve with return. The buyer returns the item and is fully refunded at its first scan or arrival.",
    ),
    (
        Verdict.APPROVE_WITHOUT_RETURN,
        "Approve without return. The buyer keeps the item and is refunded, fully or partially.",
    ),
    (Verdict.REQUEST_EVIDENCE, "Request evidence. Write below what is missing."),
    (Verdict.DENY, "Deny. The order is completed and the seller is paid. Write the reason below."),
)
#: What the buyer cannot be left alone with.
_NEED_WORDS: Final = {Verdict.REQUEST_EVIDENCE, Verdict.DENY}


class VersionForm(forms.Form):
    """The version that was looked at: what changed since is not acted on unseen."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class ApprovalForm(VersionForm):
    """A yes, on what was looked at."""

    def moderation(self) -> Moderation:
        """Say it as the operation takes it."""
        return Moderation(decision=Decision.APPROVE, version=self.cleaned_data["version"])


class ReasonsForm(VersionForm):
    """What a seller is told: chosen reasons first, then the moderator's own words."""

    reasons = forms.MultipleChoiceField(
        choices=[(str(number), text) for number, text in enumerate(REASONS)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    note = TextField(
        TextKind.PARAGRAPHS,
        max_length=_NOTE_CHARS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "bo-input"}),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a no without a word."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("reasons") and not cleaned.get("note") and "note" not in self.errors:
            raise forms.ValidationError("Give the seller a reason: choose one or write your own.")
        return cleaned

    def moderation(self) -> Moderation:
        """Say it as the operation takes it."""
        said = [REASONS[int(number)] for number in self.cleaned_data["reasons"]]
        note = self.cleaned_data["note"].strip()
        return Moderation(
            decision=self.get_decision(),
            reasons=(*said, *([note] if note else [])),
            version=self.cleaned_data["version"],
        )

    def get_decision(self) -> Decision:
        """Say what is decided."""
        raise NotImplementedError


class ReturnForm(ReasonsForm):
    """A no, for good or until it is mended, with what the seller is told."""

    decision = forms.ChoiceField(
        choices=[(one.value, one.value) for one in (Decision.REQUEST_CHANGES, Decision.REJECT)]
    )

    def get_decision(self) -> Decision:
        """Say what is decided: the button that was pressed."""
        return Decision(self.cleaned_data["decision"])


class RemovalForm(ReasonsForm):
    """A listing taken down, with what the seller is told."""

    def get_decision(self) -> Decision:
        """Say what is decided."""
        return Decision.REMOVE


class DiscardForm(forms.Form):
    """Why a message is given up."""

    reason = TextField(
        TextKind.PARAGRAPHS,
        min_length=3,
        max_length=_NOTE_CHARS,
        error_messages={"required": "Enter a reason, for the history."},
        widget=forms.Textarea(attrs={"rows": 3, "class": "bo-input"}),
    )


class AcknowledgeForm(VersionForm):
    """Why nothing is left to do about what needed a person."""

    reason = forms.ChoiceField(choices=_NOTED_REASONS, widget=forms.Select(attrs={"class": "bo-input"}))

    def acknowledgement(self) -> Acknowledgement:
        """Say it as the operation takes it."""
        return Acknowledgement(reason=self.cleaned_data["reason"])


class RefundForm(VersionForm):
    """Money to give back: all that was left when it was looked at, or a part."""

    which = forms.ChoiceField(
        choices=[(_ALL, "Full remaining amount"), (_PART, "Partial refund")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a full or a partial refund."},
    )
    reason = forms.ChoiceField(choices=_REFUND_REASONS, widget=forms.Select(attrs={"class": "bo-input"}))

    def __init__(self, data: Mapping[str, Any] | None = None, *, currency: str, **kwargs: Any) -> None:
        super().__init__(data, auto_id="refund_%s", **kwargs)
        self.fields["amount"] = AmountField(currency=currency, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse what says two things, or half of one."""
        cleaned = super().clean() or self.cleaned_data
        which, amount = cleaned.get("which"), cleaned.get("amount")
        if which == _PART and amount is None and "amount" not in self.errors:
            self.add_error("amount", "Enter the amount of the partial refund.")
        if which == _ALL and amount is not None:
            self.add_error("amount", "Leave the amount empty for a full refund, or choose a partial refund.")
        return cleaned

    def refund(self, order_id: OrderId) -> NewRefund:
        """Say it as the operation takes it."""
        return NewRefund(order_id=order_id, amount=self.cleaned_data["amount"], reason=self.cleaned_data["reason"])


class CompensationForm(VersionForm):
    """What the seller of a refunded order is paid; without an amount, all that the refunds cost them."""

    reason = forms.ChoiceField(choices=_COMPENSATION_REASONS, widget=forms.Select(attrs={"class": "bo-input"}))
    borne_by = forms.ChoiceField(
        choices=_BEARERS, widget=forms.RadioSelect, error_messages={"required": "Choose who bears the loss."}
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, currency: str, **kwargs: Any) -> None:
        super().__init__(data, auto_id="compensate_%s", **kwargs)
        self.fields["amount"] = AmountField(currency=currency, required=False)

    def compensation(self) -> NewCompensation:
        """Return the data of the operation."""
        cleaned = self.cleaned_data
        borne_by = LossBearer(cleaned["borne_by"])
        return NewCompensation(amount=cleaned["amount"], reason=cleaned["reason"], borne_by=borne_by)


class CarrierClaimForm(VersionForm):
    """What a carrier paid for a lost parcel; without an amount, nothing."""

    def __init__(self, data: Mapping[str, Any] | None = None, *, currency: str, **kwargs: Any) -> None:
        super().__init__(data, auto_id="carrier_claim_%s", **kwargs)
        self.fields["amount"] = AmountField(currency=currency, required=False)

    def decision(self) -> ClaimDecision:
        """Return the data of the operation."""
        return ClaimDecision(paid_amount=self.cleaned_data["amount"] or 0)


class ReportForm(VersionForm):
    """Report where a parcel is. ``offered``: what still moves it; anything it can take is accepted."""

    choices: ClassVar[tuple[tuple[ShipmentStatus, str], ...]] = _REPORTS

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        offered: Iterable[ShipmentStatus] = ShipmentStatus,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, auto_id="report_%s", **kwargs)
        choices = [(status.value, text) for status, text in self.choices if status in set(offered)]
        self.fields["status"] = forms.ChoiceField(
            choices=choices, widget=forms.RadioSelect, error_messages={"required": "Choose where the parcel is."}
        )

    def event(self, *, now: datetime) -> TrackingEvent:
        """Say it as the operation takes it; the same form again is the same report."""
        status = ShipmentStatus(self.cleaned_data["status"])
        return TrackingEvent(id=f"by_hand:{self.cleaned_data['version']}:{status}", status=status, occurred_at=now)


class ReturnReportForm(ReportForm):
    """Report where a return is."""

    choices = _RETURN_REPORTS


class ResolutionForm(VersionForm):
    """What is decided on a claim. ``offered``: what can still be decided; the operation says no to the rest."""

    note = TextField(
        TextKind.PARAGRAPHS,
        max_length=_WORDS_CHARS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "bo-input"}),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        currency: str,
        offered: Iterable[Verdict] = Verdict,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, auto_id="resolve_%s", **kwargs)
        self.fields["decision"] = forms.ChoiceField(
            choices=[(verdict.value, text) for verdict, text in _VERDICTS if verdict in set(offered)],
            widget=forms.RadioSelect,
            error_messages={"required": "Choose a decision."},
        )
        self.fields["amount"] = AmountField(currency=currency, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse an amount that says nothing, and a buyer left without a word."""
        cleaned = super().clean() or self.cleaned_data
        decision = cleaned.get("decision")
        if decision in _NEED_WORDS and not cleaned.get("note") and "note" not in self.errors:
            self.add_error("note", "Write to the buyer why, or what is missing.")
        if decision and decision != Verdict.APPROVE_WITHOUT_RETURN and cleaned.get("amount") is not None:
            self.add_error("amount", "An amount is possible only with an approval without return.")
        return cleaned

    def resolution(self) -> Resolution:
        """Say it as the operation takes it."""
        amount = self.cleaned_data["amount"]
        return Resolution(
            decision=Verdict(self.cleaned_data["decision"]),
            note=self.cleaned_data["note"] or None,
            refund_amount=msgspec.UNSET if amount is None else amount,
        )


class DaysForm(forms.Form):
    """How far back books are held against each other. A GET: it changes nothing."""

    days = forms.IntegerField(
        min_value=1, max_value=MAX_DAYS, initial=7, widget=forms.NumberInput(attrs={"class": "bo-input"})
    )


class MonthForm(forms.Form):
    """The month of a trial balance. A GET: it changes nothing."""

    month = TextField(
        TextKind.CODE,
        validators=[RegexValidator(r"^[0-9]{4}-(0[1-9]|1[0-2])\Z", "Enter a month as YYYY-MM.")],
        widget=forms.TextInput(attrs={"class": "bo-input", "type": "month", "placeholder": "YYYY-MM"}),
    )
    opening = forms.BooleanField(required=False)
