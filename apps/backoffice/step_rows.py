"""Steps of onboardings and offboardings as pages show them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from apps.tenancy.models import OffboardingRecord, OffboardingRun, OnboardingRecord, OnboardingRun

S = TypeVar("S", bound=StrEnum)
Run = OnboardingRun | OffboardingRun
Record = OnboardingRecord | OffboardingRecord

_FAILED: Final = "failed"


class StepRow(msgspec.Struct, frozen=True, kw_only=True):
    """A step as the page shows it. ``seconds`` None: not done."""

    title: str
    purpose: str
    status: str
    attempts: int
    seconds: float | None
    started_at: datetime | None


def list_steps(run: Run, purposes: Mapping[S, str]) -> list[StepRow]:
    """Return a row for each step, in order, also for those that did not begin."""
    records: dict[str, Record] = {record.step: record for record in run.records.all()}
    return [_row_of(run, step, purpose, records.get(step.value)) for step, purpose in purposes.items()]


def _row_of(run: Run, step: StrEnum, purpose: str, record: Record | None) -> StepRow:
    return StepRow(
        title=step.value.replace("_", " ").capitalize(),
        purpose=purpose,
        status=_status_of(run, record),
        attempts=0 if record is None else record.attempts,
        seconds=_seconds_of(record),
        started_at=None if record is None else record.started_at,
    )


def _status_of(run: Run, record: Record | None) -> str:
    if record is None:
        return "pending"
    if record.step == run.step and run.state == _FAILED:
        return _FAILED
    return "running" if record.finished_at is None else "completed"


def _seconds_of(record: Record | None) -> float | None:
    duration = None if record is None else record.duration
    return None if duration is None else duration.total_seconds()
