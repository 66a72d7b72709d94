"""``manage.py restore_tenant SLUG --at TIME``: restore a tenant's tables, resume a restore, or print its plan."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.models import RestoreRecord, RestoreRun
from apps.tenancy.restore_tables import RestoreRunState
from apps.tenancy.restores.machine import Restores
from apps.tenancy.restores.opening import open_restores
from resale.domain.tenant_restores import RestoreStep
from resale.errors import Outcome


class Command(BaseCommand):
    """Restores a tenant."""

    help = "Restore a tenant's tables to a moment: frozen meanwhile, verified, and swapped in the resource map."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--at", type=_moment_of, metavar="TIME", help="such as 2026-12-01T09:30:00Z")
        parser.add_argument("--dry-run", action="store_true", help="check the moment, print the steps, write nothing")
        parser.add_argument("--until", choices=[str(step) for step in RestoreStep], help="pause after this step")
        parser.add_argument("--resume", action="store_true", help="continue a restore that was started before")
        parser.add_argument("--accept-faults", action="store_true", help="swap although the data has faults")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        if (options["at"] is None) != options["resume"]:
            raise CommandError("Name the moment with --at, or continue a restore with --resume.")
        try:
            self._handle(open_restores(say=self._print), options)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome

    def _handle(self, restores: Restores, options: dict[str, Any]) -> None:
        slug, until = options["slug"], RestoreStep(options["until"]) if options["until"] else None
        if options["dry_run"]:
            for planned in restores.plan(slug, at=options["at"]):
                self._print(f"{'done' if planned.done else 'to do':<6} {planned.step:<20} {planned.purpose}")
            return
        if options["resume"]:
            restores.resume(slug, until=until, accepts_faults=options["accept_faults"])
        else:
            restores.start(slug, at=options["at"], until=until, accepts_faults=options["accept_faults"])
        self._print_result(slug)

    def _print_result(self, slug: str) -> None:
        run = RestoreRun.objects.get(slug=slug)
        if run.state != RestoreRunState.RESTORED:
            self._print(f"the restore of {slug} is {run.state} after the step {run.step}; continue it with --resume")
            return
        of = {record.step: record.record for record in RestoreRecord.objects.filter(run=run)}
        frozen, thawed = (
            datetime.fromisoformat(of[step][name])
            for step, name in ((RestoreStep.FREEZE, "frozen_at"), (RestoreStep.THAW, "thawed_at"))
        )
        self._print(f"{slug} has the data of {of[RestoreStep.TABLES]['data_of']}")
        self._print(f"  frozen for {(thawed - frozen).total_seconds():.1f} s")
        self._print(f"  {of[RestoreStep.VERIFY]['entities']} entities, {of[RestoreStep.VERIFY]['fault_count']} faults")
        self._print(f"  {of[RestoreStep.HISTORY]['appended']} rows added to history")
        self._print(f"  {of[RestoreStep.THAW]['due']} items are due; the sweep wakes them")
        if of[RestoreStep.SWAP].get("standby"):
            self._print(f"  the replica in {of[RestoreStep.SWAP]['standby']} is of the former tables; make it anew")
        self._print(f"  the former tables are kept: {', '.join(of[RestoreStep.FORMER]['kept'])}")

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _moment_of(text: str) -> datetime:
    """Return a moment with its offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("The moment has no offset from UTC.")
    return moment.astimezone(UTC)
