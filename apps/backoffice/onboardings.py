"""The operator's pages of onboardings: start one, see where it is and how long its steps took, resume and finish it."""

import logging
from http import HTTPStatus
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from apps.backoffice.onboarding_forms import OnboardingForm
from apps.backoffice.pages import OperatorPage
from apps.backoffice.step_rows import list_steps
from apps.tenancy.models import OnboardingRun, Tenant, User
from apps.tenancy.onboarding.background import NextAction, background, find_next_action, finish_onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from apps.tenancy.onboarding_tables import RunState
from resale.domain.tenant_onboarding import PURPOSES
from resale.errors import Outcome

logger = logging.getLogger("resale.operator")

_RUNS_PER_PAGE: Final = 100


class OnboardingPages(OperatorPage):
    """What the pages of one onboarding share."""

    def back(self) -> str:
        """Look at the onboarding."""
        return reverse("admin:onboarding", kwargs={"slug": self.kwargs["slug"]})

    def show(self, slug: str, *, issued: IssuedKeys | None = None) -> HttpResponse:
        """Show the steps of one onboarding, and ``issued`` keys this once."""
        run = get_object_or_404(OnboardingRun, slug=slug)
        held, action = run.is_held, find_next_action(run)
        return self.page(
            "onboarding",
            title=f"Onboarding of {slug}",
            run=run,
            steps=list_steps(run, PURPOSES),
            is_running=held,
            has_stopped=run.state == RunState.RUNNING and not held,
            action=action,
            tenant=Tenant.objects.filter(slug=slug).first(),
            issued=issued,
        )

    def require(self, slug: str, action: NextAction) -> bool:
        """Return whether an action is the next one; otherwise leave a message."""
        if find_next_action(get_object_or_404(OnboardingRun, slug=slug)) == action:
            return True
        messages.warning(self.request, "The onboarding has changed meanwhile. Nothing was done; this is its state.")
        return False

    def note(self, what: str, **of: str) -> None:
        """Log what an operator did."""
        user = self.request.user
        by = user.staff_id if isinstance(user, User) else ""
        logger.warning(what, extra={"by": by, **of})


class Onboardings(OnboardingPages):
    """``/admin/onboardings/``."""

    def back(self) -> str:
        """Look at the list."""
        return reverse("admin:onboardings")

    def get(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """List the newest onboardings, and offer a new one."""
        return self.show_list(OnboardingForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Reserve the slug and start its onboarding."""
        form = OnboardingForm(request.POST)
        if not form.is_valid():
            return self.show_list(form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        wanted = form.request()
        try:
            background.start(wanted)
        except Outcome as refusal:
            form.add_error(None, refusal.detail)
            return self.show_list(form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        self.note("onboarding started", tenant=wanted.slug)
        return redirect("admin:onboarding", slug=wanted.slug)

    def show_list(self, form: OnboardingForm, *, status: int = HTTPStatus.OK) -> HttpResponse:
        """Show the list with a form."""
        runs = OnboardingRun.objects.all()[:_RUNS_PER_PAGE]
        return self.page("onboardings", title="Onboardings", status=status, runs=runs, form=form)


class OnboardingDetail(OnboardingPages):
    """``/admin/onboardings/{slug}/``; the page reads itself again while the onboarding runs."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show the steps of one onboarding."""
        return self.show(slug)


class Resumption(OnboardingPages):
    """``/admin/onboardings/{slug}/resume/``."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Continue an onboarding that stopped."""
        if self.require(slug, NextAction.RESUME):
            try:
                background.resume(slug)
            except Outcome as refusal:
                messages.error(request, refusal.detail)
            else:
                self.note("onboarding resumed", tenant=slug)
        return redirect(self.back())


class Finish(OnboardingPages):
    """``/admin/onboardings/{slug}/finish/``."""

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Issue the first keys, activate the tenant, and show the keys, this once."""
        if not self.require(slug, NextAction.FINISH):
            return redirect(self.back())
        issued: list[IssuedKeys] = []
        try:
            finish_onboarding(slug, deliver=issued.append)
        except Outcome as refusal:
            messages.error(request, refusal.detail)
        else:
            self.note("onboarding finished", tenant=slug)
        return self.show(slug, issued=next(iter(issued), None))
