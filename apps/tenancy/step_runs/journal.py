"""The journal of a run: every write to the registry about it, each by the holder of the lease."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic, TypeVar

from django.db import transaction

from apps.tenancy.step_runs.leases import LEASE, new_owner
from apps.tenancy.step_runs.tables import StepRun
from resale.errors import Conflict, NotFound

R = TypeVar("R", bound=StepRun)
S = TypeVar("S", bound=StrEnum)

RUNNING: Final = "running"
PAUSED: Final = "paused"
FAILED: Final = "failed"


class Journal(ABC, Generic[R, S]):
    """The run of one slug. ``resume``, or what the subclass starts it with, takes the lease; the others need it.

    ``noun`` is what the run is called in texts.
    """

    runs: ClassVar[Any]  # a model that is a StepRun, with slug, state and step
    step_records: ClassVar[Any]  # a model that is a StepRecord, with run and step
    steps: ClassVar[type[StrEnum]]
    noun: ClassVar[str]
    in_progress: ClassVar[type[Conflict]]
    unknown: ClassVar[type[NotFound]]

    def __init__(self, slug: str, *, now: Callable[[], datetime]) -> None:
        self.slug = slug
        self._now = now
        self._owner = new_owner()

    @property
    @abstractmethod
    def last_step(self) -> S:
        """The step with which a run ends."""

    @property
    @abstractmethod
    def last_state(self) -> str:
        """The state of a run that has ended."""

    def resume(self) -> R:
        """Take the lease of a run that was started before.

        Raises:
            NotFound: None was started.
            Conflict: Another process has the lease.
        """
        with transaction.atomic():
            run: Any = self._rows().select_for_update().first()
            if run is None:
                raise self.unknown(f"No {self.noun} of {self.slug} was started. Start it without --resume.")
            self._require_free(run)
            run.lease_owner, run.lease_until = self._owner, self._now() + LEASE
            run.save(update_fields=["lease_owner", "lease_until"])
        return run  # type: ignore[no-any-return]  # of ``runs``, which the subclass names

    def renew(self) -> None:
        """Extend the lease. Raises Conflict if another process took it."""
        self._update(lease_until=self._now() + LEASE)

    def begin(self, step: S) -> None:
        """Record that a step acts, before it does. Raises Conflict."""
        now = self._now()
        with transaction.atomic():
            self._update(step=step.value, state=RUNNING, lease_until=now + LEASE)
            row, is_new = self._get_or_create(step, started_at=now)
            if not is_new:
                row.started_at, row.finished_at, row.attempts = now, None, row.attempts + 1
                row.save(update_fields=["started_at", "finished_at", "attempts"])

    def note(self, step: S, record: Mapping[str, Any]) -> None:
        """Store what a step did so far, without completing it. Raises Conflict."""
        with transaction.atomic():
            self.renew()
            self._records().filter(step=step.value).update(record=dict(record))

    def complete(self, step: S, record: Mapping[str, Any]) -> None:
        """Record that a step is done, with what it recorded. Raises Conflict."""
        now = self._now()
        with transaction.atomic():
            self._update(step=step.value, error_code="", error_detail="", lease_until=now + LEASE)
            row, is_new = self._get_or_create(step, started_at=now, finished_at=now, record=dict(record))
            if not is_new:
                row.record, row.finished_at = dict(record), row.finished_at or now
                row.save(update_fields=["record", "finished_at"])

    def fail(self, step: S, *, code: str, detail: str) -> None:
        """Store why a step failed, and release the lease. Raises Conflict."""
        self._release(state=FAILED, step=step.value, error_code=code, error_detail=detail)

    def pause(self, step: S, *, code: str, detail: str) -> None:
        """Store what a step waits for, and release the lease. Raises Conflict."""
        self._release(state=PAUSED, step=step.value, error_code=code, error_detail=detail)

    def end(self) -> None:
        """Store that the run has ended, or is paused after its last step, and release the lease. Raises Conflict."""
        if self.last_step in self.list_done():
            self._release(state=self.last_state, error_code="", error_detail="", finished_at=self._now())
        else:
            self._release(state=PAUSED, error_code="", error_detail="")

    def list_done(self) -> frozenset[S]:
        """Return the steps that are done."""
        done = self._records().filter(finished_at__isnull=False)
        return frozenset(map(self._step_of, done.values_list("step", flat=True)))

    def records(self) -> dict[S, Mapping[str, Any]]:
        """Return what each step recorded that is not empty, also of steps that are not done."""
        return {self._step_of(row.step): row.record for row in self._records() if row.record}

    def _require_free(self, run: Any) -> None:
        """Require that no living process has the lease of a run. Raises Conflict."""
        if run.lease_until is not None and run.is_held_at(self._now()):
            raise self.in_progress(
                f"Another process ({run.lease_owner.rpartition('|')[0]}) runs the {self.noun} of {self.slug} at "
                f"the step {run.step}. Wait until it ends; its lease ends at {run.lease_until:%H:%M:%S} UTC at the "
                "latest."
            )

    def _lease(self) -> dict[str, Any]:
        """Return the columns of a new run that is held by this process."""
        now = self._now()
        return {"lease_owner": self._owner, "lease_until": now + LEASE, "started_at": now}

    def _step_of(self, name: str) -> S:
        return self.steps(name)  # type: ignore[return-value]  # the subclass names the type twice

    def _rows(self) -> Any:
        return self.runs.objects.filter(slug=self.slug)

    def _records(self) -> Any:
        return self.step_records.objects.filter(run_id=self.slug)

    def _get_or_create(self, step: S, **columns: Any) -> tuple[Any, bool]:
        found: tuple[Any, bool] = self.step_records.objects.get_or_create(
            run_id=self.slug, step=step.value, defaults=columns
        )
        return found

    def _release(self, **changes: Any) -> None:
        self._update(**changes, lease_owner="", lease_until=None)

    def _update(self, **changes: Any) -> None:
        if not self._rows().filter(lease_owner=self._owner).update(**changes):
            raise self.in_progress(
                f"Another process took over the {self.noun} of {self.slug}, because this one was silent for too long."
            )
