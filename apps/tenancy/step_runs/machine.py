"""The machine that runs the steps of a run in order, and leaves it in a state with a name."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

import msgspec

from apps.core import clock
from apps.tenancy.step_runs.journal import Journal
from resale.application.ports import Broken, Pending
from resale.domain.tenant_onboarding import StepTimedOut
from resale.errors import Outcome, Rejected, Unavailable

Record = Mapping[str, Any]
Found = Record | Pending | Broken | None
Say = Callable[[str], None]

#: AWS takes minutes for an account and up to half an hour for a Region that must be enabled first.
STEP_TIMEOUT: Final = timedelta(hours=1)
#: Pauses before a step is repeated whose service did not respond: throttled, or restarted by another onboarding.
_RETRY_SECONDS: Final = (1, 2, 4, 8)
_UNEXPECTED: Final = "unexpected"


class Work(Protocol):
    """What the steps of one run share. ``records`` is what the steps before recorded."""

    @property
    def journal(self) -> Journal[Any, Any]:
        """The journal of the run."""

    @property
    def records(self) -> dict[Any, Record]:
        """What each step recorded; the machine adds to it."""


W = TypeVar("W", bound=Work)
W_contra = TypeVar("W_contra", bound=Work, contravariant=True)


class Step(Protocol[W_contra]):
    """One step. ``act`` returns what to record, or None: then it is probed until it is done."""

    @property
    def name(self) -> Any:
        """The member of the run's enumeration of steps."""

    def probe(self, work: W_contra) -> Found:
        """Return the record of a step that is done; None if it must act."""

    def act(self, work: W_contra) -> Record | None:
        """Do or start what the step does. Idempotent."""


class PlannedStep(msgspec.Struct, frozen=True):
    """A step of a plan, what it does, and whether it is done."""

    step: StrEnum
    purpose: str
    done: bool


class StepMachine:
    """Runs steps. ``say`` receives a line for each, ``pause`` waits for some seconds between two probes.

    ``broken`` has the error of a step whose provider gave up; ``postponed`` are the outcomes that pause a run instead
    of failing it.
    """

    def __init__(
        self,
        *,
        say: Say,
        now: Callable[[], datetime] = clock.for_platform,
        pause: Callable[[float], None] = time.sleep,
        poll_seconds: float,
        broken: Mapping[Any, type[Rejected]] | None = None,
        postponed: tuple[type[Outcome], ...] = (),
    ) -> None:
        self._say = say
        self._now = now
        self._pause = pause
        self._poll_seconds = poll_seconds
        self._broken = broken or {}
        self._postponed = postponed

    def run(self, steps: Sequence[Step[W]], work: W, *, until: StrEnum | None = None) -> None:
        """Run the steps up to ``until`` and release the lease.

        Raises:
            Conflict: Another process has the run.
            Outcome: A step failed or is postponed; the run has the step and the reason, and can be resumed.
        """
        journal, step = work.journal, steps[0].name
        try:
            for each in steps:
                step = each.name
                self._complete_with_retries(each, work)
                if step == until:
                    break
        except journal.in_progress:  # another process has the run: nothing of it is ours to change
            raise
        except self._postponed as outcome:
            journal.pause(step, code=outcome.code, detail=outcome.detail)
            raise
        except Outcome as outcome:
            journal.fail(step, code=outcome.code, detail=outcome.detail)
            raise
        except Exception as error:
            detail = f"{type(error).__name__} at this step. The log has the cause; remove it, then resume."
            journal.fail(step, code=_UNEXPECTED, detail=detail)
            raise
        journal.end()

    def _complete_with_retries(self, step: Step[W], work: W) -> None:
        """Complete a step; a service that does not respond for a moment does not end the run."""
        for seconds in _RETRY_SECONDS:
            try:
                self._complete(step, work)
            except StepTimedOut:
                raise
            except Unavailable as fault:
                self._say(f"{step.name:<20} retries in {seconds} s: {fault.detail}")
                work.journal.renew()
                self._pause(seconds)
            else:
                return
        self._complete(step, work)

    def _complete(self, step: Step[W], work: W) -> None:
        found = step.probe(work)
        if isinstance(found, Mapping):
            self._keep(step, work, found)
        else:
            self._execute(step, work, found)

    def _keep(self, step: Step[W], work: W, record: Record) -> None:
        """Record a step that is done already, unless this record is stored."""
        if step.name not in work.journal.list_done() or work.records.get(step.name) != record:
            work.journal.complete(step.name, record)
        work.records[step.name] = record

    def _execute(self, step: Step[W], work: W, found: Found) -> None:
        began = self._now()
        work.journal.begin(step.name)
        record = None if isinstance(found, Pending) else step.act(work)
        if record is None:
            record = self._await(step, work)
        work.journal.complete(step.name, record)
        work.records[step.name] = record
        self._say(f"{step.name:<20} {(self._now() - began).total_seconds():6.2f} s")

    def _await(self, step: Step[W], work: W) -> Record:
        """Probe a step until it is done, renewing the lease; a step of several parts acts again for the next."""
        deadline, said = self._now() + STEP_TIMEOUT, ""
        while not isinstance(found := step.probe(work), Mapping):
            if isinstance(found, Broken):
                raise self._broken.get(step.name, Rejected)(f"{found.reason} Remove the cause, then resume.")
            if self._now() > deadline:
                raise StepTimedOut(f"The step {step.name} has not completed within an hour. Resume later.")
            if isinstance(found, Pending) and found.what != said:
                said = found.what
                self._say(f"{step.name:<20} {said}")
            work.journal.renew()
            self._pause(self._poll_seconds)
            if found is None and (record := step.act(work)) is not None:
                return record
        return found
