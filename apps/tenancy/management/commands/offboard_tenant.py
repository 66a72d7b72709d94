"""``manage.py offboard_tenant SLUG``: offboard a tenant, resume an offboarding, or print its plan."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.models import OffboardingRecord
from apps.tenancy.offboarding.machine import Offboarding
from apps.tenancy.offboarding.opening import open_offboarding
from resale.domain.tenant_offboarding import DEFAULT_HOLD_DAYS, MAX_HOLD_DAYS, OffboardingOnHold, OffboardingStep
from resale.errors import Outcome


class Command(BaseCommand):
    """Offboards a tenant."""

    help = "Offboard a tenant: export, final backup, destruction of its keys after a hold period, signed certificate."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument(
            "--hold-days",
            type=int,
            default=DEFAULT_HOLD_DAYS,
            help=f"days until keys are destroyed, 0 to {MAX_HOLD_DAYS}; default: {DEFAULT_HOLD_DAYS}",
        )
        parser.add_argument("--dry-run", action="store_true", help="print the steps, and write nothing")
        parser.add_argument("--resume", action="store_true", help="continue an offboarding that was started before")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        try:
            self._handle(open_offboarding(say=self._print), options)
        except OffboardingOnHold as hold:
            self._print(hold.detail)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome

    def _handle(self, offboarding: Offboarding, options: dict[str, Any]) -> None:
        slug = options["slug"]
        if options["dry_run"]:
            for planned in offboarding.plan(slug):
                self._print(f"{'done' if planned.done else 'to do':<6} {planned.step:<20} {planned.purpose}")
            return
        if options["resume"]:
            offboarding.resume(slug)
        else:
            offboarding.start(slug, hold_days=options["hold_days"])
        closed = OffboardingRecord.objects.get(run_id=slug, step=OffboardingStep.CLOSED).record
        self._print(f"{slug} is closed; the certificate is {closed['certificate']} in the storage of exports")

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
