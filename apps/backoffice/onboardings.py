"""The operator's pages of onboardings: where each is, how long its steps took, and what to do when one stopped."""

from datetime import datetime
from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from apps.backoffice.pages import OperatorPage
from apps.core import clock
from apps.tenancy.models import OnboardingRecord, OnboardingRun, Tenant
from apps.tenancy.onboarding_tables import RunState
from resale.domain.tenant_onboarding import PURPOSES

_RUNS_PER_PAGE: Final = 100


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
    """A step as the page shows it. ``seconds`` None: not done."""

    title: str
    purpose: str
    status: str
    attempts: int
    seconds: float | None
    started_at: datetime | None


class Onboardings(OperatorPage):
    """``/admin/onboardings/``."""

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """List the newest onboardings."""
        runs = OnboardingRun.objects.all()[:_RUNS_PER_PAGE]
        return self.page("onboardings", title="Onboardings", runs=runs)


class OnboardingDetail(OperatorPage):
    """``/admin/onboardings/{slug}/``; the page reads itself again while the onboarding runs."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show the steps of one onboarding."""
        run = get_object_or_404(OnboardingRun, slug=slug)
        is_held = run.lease_until is not None and run.lease_until > clock.for_platform()
        return self.page(
            "onboarding",
            title=f"Onboarding of {slug}",
            run=run,
            steps=_steps_of(run),
            is_running=run.state == RunState.RUNNING and is_held,
            has_stopped=run.state == RunState.RUNNING and not is_held,
            tenant=Tenant.objects.filter(slug=slug).first(),
        )


def _steps_of(run: OnboardingRun) -> list[StepRow]:
    records = {record.step: record for record in run.records.all()}
    return [
        StepRow(
            title=step.value.replace("_", " ").capitalize(),
            purpose=purpose,
            status=_status_of(run, records.get(step.value)),
            attempts=records[step.value].attempts if step.value in records else 0,
            seconds=_seconds_of(records.get(step.value)),
            started_at=records[step.value].started_at if step.value in records else None,
        )
        for step, purpose in PURPOSES.items()
    ]


def _status_of(run: OnboardingRun, record: OnboardingRecord | None) -> str:
    is_failed = run.state == RunState.FAILED and record is not None and record.step == run.step
    if is_failed:
        return "failed"
    if record is None:
        return "pending"
    return "running" if record.finished_at is None else "completed"


def _seconds_of(record: OnboardingRecord | None) -> float | None:
    duration = None if record is None else record.duration
    return None if duration is None else duration.total_seconds()
