"""Onboardings that are started on a page: the slow steps run in a thread of this process, outside of the request.

The journal is what lasts. If the process ends, its lease ends too, and the onboarding is resumed on the page or by the
command. The thread stops before the keys: they are issued in a request of the operator, who alone sees them.
"""

import logging
import threading
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Final

from django.db import connections

from apps.tenancy.models import OnboardingRecord, OnboardingRun, Sandbox
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.onboarding.opening import open_onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from apps.tenancy.onboarding_tables import RunState
from resale.domain.tenant_onboarding import OnboardingStep, TenantRequest
from resale.errors import Outcome

logger = logging.getLogger(__name__)

#: The last step that runs without an operator; what follows is quick.
LAST_STEP: Final = OnboardingStep.REGISTRATION
_FINAL_STEPS: Final = (OnboardingStep.KEYS, OnboardingStep.ACTIVE)


class NextAction(StrEnum):
    """What an operator can do about an onboarding."""

    RESUME = "resume"
    FINISH = "finish"


class Background:
    """The threads of this process that run onboardings: at most one for each slug, by its lease."""

    def __init__(self) -> None:
        """Start without a thread: the server forks first."""
        self._threads: list[threading.Thread] = []

    def start(self, request: TenantRequest) -> None:
        """Reserve the slug now, and run the steps up to the registration soon.

        Raises:
            Invalid: The request is not valid.
            SlugTaken, OnboardingUnfinished: The slug is not free.
            Unavailable: The platform does not run, or no organisation is configured.
        """
        self._run(request.slug, partial(_open().reserve, request))

    def resume(self, slug: str) -> None:
        """Take the lease now, and continue up to the registration soon.

        Raises:
            OnboardingNotFound: None was started.
            OnboardingInProgress: Another process has the lease.
            TenantClosed: The tenant is closed, or being closed.
            Unavailable: The platform does not run, or no organisation is configured.
        """
        self._run(slug, partial(_open().take_over, slug))

    def join(self) -> None:
        """Wait until all threads have ended."""
        for thread in self._threads:
            thread.join()

    def _run(self, slug: str, take_lease: Callable[..., Callable[[], None]]) -> None:
        """Take the lease in this request, so that its errors are shown, and run the steps in a thread."""
        steps = take_lease(until=LAST_STEP)
        thread = threading.Thread(target=_run_steps, args=(slug, steps), name=f"onboarding-{slug}", daemon=True)
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        thread.start()


def finish_onboarding(slug: str, *, deliver: Callable[[IssuedKeys], None]) -> None:
    """Issue the first keys and activate the tenant; ``deliver`` receives the keys once.

    Raises:
        OnboardingNotFound: None was started.
        OnboardingInProgress: Another process has the lease.
        TenantClosed: The tenant is closed, or being closed.
        Outcome: A step failed; the run has the step and the reason. The keys may be delivered already.
    """
    open_onboarding(deliver=deliver, say=logger.info).finish(slug)


def find_next_action(run: OnboardingRun) -> NextAction | None:
    """Return what an operator can do now; None: a process works on it, it has ended, or it is a sandbox's."""
    if run.state == RunState.ACTIVE or run.is_held or Sandbox.objects.filter(slug=run.slug).exists():
        return None
    done = set(OnboardingRecord.objects.filter(run=run, finished_at__isnull=False).values_list("step", flat=True))
    is_registered = all(step in done or step in _FINAL_STEPS for step in OnboardingStep)
    is_at_the_end = run.state == RunState.PAUSED or run.step in {LAST_STEP, *_FINAL_STEPS}
    return NextAction.FINISH if is_registered and is_at_the_end else NextAction.RESUME


def _open() -> Onboarding:
    return open_onboarding(deliver=_refuse_keys, say=logger.info)


def _refuse_keys(issued: IssuedKeys) -> None:
    """Refuse to receive keys: the thread ends before they are issued."""
    message = f"The keys of {issued.slug} were issued where nobody can receive them."
    raise RuntimeError(message)


def _run_steps(slug: str, steps: Callable[[], None]) -> None:
    """Run steps to their end. The journal has an error for the operator, the log its cause."""
    try:
        steps()
    except Outcome as outcome:
        logger.warning("onboarding stopped", extra={"tenant": slug, "code": outcome.code})
    except Exception:  # the end of the thread: nobody else would log it
        logger.exception("onboarding failed", extra={"tenant": slug})
    finally:
        connections.close_all()


background: Final = Background()  # this process's
