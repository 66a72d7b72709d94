"""The operator's page of rollouts: where the last one is and what its tenants have; request, approve and abandon."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Case, IntegerField, Max, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.pages import OperatorPage
from apps.backoffice.tenant_forms import reason_field
from apps.backoffice.text_fields import TextField
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.models import EntitlementChange, Rollout, Tenant, TenantUpgrade, User
from apps.tenancy.upgrades.approval import approve_upgrade
from apps.tenancy.upgrades.opening import open_rollouts
from apps.tenancy.upgrades.records import waits_for_next_wave
from apps.tenancy.upgrades.schedule import abandon_rollout, is_under_way, next_wave_at, request_rollout
from resale.domain.tenant_upgrades import UpgradeState
from resale.domain.text import TextKind
from resale.domain.waves import MAX_HOURS, WavePlan
from resale.errors import Outcome

_ROLLOUTS_SHOWN: Final = 20
_TENANTS_SHOWN: Final = 100
_CHANGES_SHOWN: Final = 20
_LABELS: Final[Mapping[str, str]] = {
    "ring_hours": "Hours of the ring",
    "canary_hours": "Hours of the canary",
    "tenth_hours": "Hours of the first tenth",
}
#: Tenants in these states are shown first: somebody may have to act.
_FIRST: Final = (UpgradeState.FAILED, UpgradeState.ROLLED_BACK, UpgradeState.AWAITING_APPROVAL, UpgradeState.RUNNING)


_SEEN: Final = 64  # characters of what the sender of a form saw: a template, or the id of a rollout


def _seen_field() -> TextField:
    """Return the hidden field for what its sender saw, which is what they decide on."""
    return TextField(TextKind.LINE, max_length=_SEEN, widget=forms.HiddenInput)


class RequestForm(forms.Form):
    """A rollout of this release's templates by a schedule."""

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="request_%s", **kwargs)
        self.fields["template"] = _seen_field()
        for name, hours in msgspec.structs.asdict(WavePlan()).items():
            widget = forms.NumberInput(attrs={"class": "bo-input"})
            self.fields[name] = forms.IntegerField(
                label=_LABELS[name], min_value=1, max_value=MAX_HOURS, initial=hours, widget=widget
            )
        self.fields["reason"] = reason_field()


class AbandonForm(forms.Form):
    """The end of the rollout that is under way."""

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="abandon_%s", **kwargs)
        self.fields["rollout"] = forms.IntegerField(widget=forms.HiddenInput)
        self.fields["reason"] = reason_field()


class ApprovalForm(forms.Form):
    """A brand's approval of this release's templates."""

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="approval_%s", **kwargs)
        self.fields["template"] = _seen_field()
        slugs = Tenant.objects.filter(approves_upgrades=True).order_by("slug").values_list("slug", flat=True)
        choices = [(slug, slug) for slug in slugs]
        widget = forms.Select(attrs={"class": "bo-input"})
        self.fields["slug"] = forms.ChoiceField(label="Tenant", choices=choices, widget=widget)
        self.fields["reason"] = reason_field()
        self.fields["reason"].help_text = "Who approved, and where. It is recorded."


_FORMS: Final[Mapping[str, type[forms.Form]]] = {
    "requesting": RequestForm,
    "abandoning": AbandonForm,
    "approving": ApprovalForm,
}


class RolloutPages(OperatorPage):
    """What the page of rollouts and its forms share."""

    def back(self) -> str:
        """Return to the page."""
        return reverse("admin:rollouts")

    def show(self, *, sent: Mapping[str, forms.Form] | None = None, status: int = HTTPStatus.OK) -> HttpResponse:
        """Show the page; ``sent``: a form that was refused, by its name."""
        rollouts = list(Rollout.objects.all()[:_ROLLOUTS_SHOWN])
        last = rollouts[0] if rollouts else None
        release, reason = _find_release()
        upgrades = _list_upgrades(last)
        return self.page(
            "rollouts",
            title="Rollouts",
            status=status,
            release=release,
            reason=reason,
            last=last,
            last_is_under_way=last is not None and is_under_way(last),
            next_wave_at=next_wave_at(last) if last is not None and waits_for_next_wave(last) else None,
            upgrades=upgrades[:_TENANTS_SHOWN],
            upgrades_total=upgrades.count(),
            rollouts=rollouts,
            changes=EntitlementChange.objects.filter(tenant=None, subject="rollout")[:_CHANGES_SHOWN],
            **{**self._forms(release, last), **(sent or {})},
        )

    def _forms(self, release: str, last: Rollout | None) -> Mapping[str, forms.Form]:
        seen = {"template": release, "rollout": None if last is None else last.id}
        return {name: form(initial=seen) for name, form in _FORMS.items()}

    def answer(self, name: str, act: Callable[[Mapping[str, Any], Cause], None], done: str) -> HttpResponse:
        """Check a form and act on it; show the page with the form again when either refuses."""
        form = _FORMS[name](self.request.POST)
        if form.is_valid():
            user = self.request.user
            cause = Cause(by=user.staff_id if isinstance(user, User) else "", reason=form.cleaned_data["reason"])
            try:
                act(form.cleaned_data, cause)
            except Outcome as refusal:
                form.add_error(None, refusal.detail)
            except ValidationError as refusal:
                form.add_error(None, refusal.messages)
        if form.errors:
            return self.show(sent={name: form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        messages.success(self.request, done)
        return redirect(self.back())


class Rollouts(RolloutPages):
    """``/admin/rollouts/``."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show the last rollout with its tenants, those before it, and the forms."""
        return self.show()


class RolloutRequest(RolloutPages):
    """``/admin/rollouts/request/``."""

    def post(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Request a rollout of this release's templates; the scheduled command begins it."""
        return self.answer("requesting", _request, "The rollout is requested. Its ring begins within the hour.")


class Abandonment(RolloutPages):
    """``/admin/rollouts/abandon/``."""

    def post(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Abandon the rollout that is under way."""
        return self.answer("abandoning", _abandon, "The rollout is abandoned. Who was upgraded keeps the new template.")


class Approval(RolloutPages):
    """``/admin/rollouts/approve/``."""

    def post(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Record a brand's approval of this release's templates."""
        return self.answer("approving", _approve, "The approval is recorded.")


def _request(sent: Mapping[str, Any], cause: Cause) -> None:
    hours = {name: sent[name] for name in WavePlan.__struct_fields__}
    request_rollout(template=_seen_release(sent), hours=hours, cause=cause)


def _abandon(sent: Mapping[str, Any], cause: Cause) -> None:
    abandon_rollout(cause=cause, rollout_id=sent["rollout"])


def _approve(sent: Mapping[str, Any], cause: Cause) -> None:
    approve_upgrade(slug=sent["slug"], template=_seen_release(sent), cause=cause)


def _seen_release(sent: Mapping[str, Any]) -> str:
    """Return the template of this release. Raises ValidationError if the sender saw another one, or Unavailable."""
    release = _release()
    if sent["template"] != release:
        raise ValidationError(
            f"Another release runs by now, with the template {release}. Look at it, then repeat this."
        )
    return release


def _release() -> str:
    """Return the template of this release. Raises Unavailable."""
    return open_rollouts(say=lambda _line: None).release_template()


def _find_release() -> tuple[str, str]:
    """Return the template of this release, or why it is not known here."""
    try:
        return _release(), ""
    except Outcome as outcome:
        return "", outcome.detail


def _list_upgrades(rollout: Rollout | None) -> QuerySet[TenantUpgrade]:
    """List the last upgrade of each tenant to a rollout's template, by this rollout or one before."""
    if rollout is None:
        return TenantUpgrade.objects.none()
    of_template = TenantUpgrade.objects.filter(
        rollout__template=rollout.template, rollout__keeps_templates=rollout.keeps_templates
    )
    last_ids = of_template.order_by().values("tenant").annotate(last_id=Max("id")).values("last_id")
    places = [When(state=state, then=Value(place)) for place, state in enumerate(_FIRST)]
    order = Case(*places, default=Value(len(_FIRST)), output_field=IntegerField())
    return TenantUpgrade.objects.filter(id__in=last_ids).select_related("tenant").order_by(order, "id")
