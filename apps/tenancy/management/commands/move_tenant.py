"""``manage.py move_tenant SLUG --region REGION``: move a tenant's write Region to its replica."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.models import MoveRecord, MoveRun
from apps.tenancy.move_tables import MoveRunState
from apps.tenancy.moves.machine import Moves
from apps.tenancy.moves.opening import open_moves
from resale.domain.tenant_moves import MoveStep
from resale.errors import Outcome


class Command(BaseCommand):
    """Moves a tenant's write Region."""

    help = "Move a tenant's write Region to its replica: frozen meanwhile, fenced, compared, and switched."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--region", help="the Region of its replica")
        parser.add_argument(
            "--lost",
            action="store_true",
            help="the present write Region does not respond any more; read the known gaps in disasters.md first",
        )
        parser.add_argument("--dry-run", action="store_true", help="print the steps, and write nothing")
        parser.add_argument("--until", choices=[str(step) for step in MoveStep], help="pause after this step")
        parser.add_argument("--resume", action="store_true", help="continue a move that was started before")
        parser.add_argument("--cancel", action="store_true", help="end a move that has not switched")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        if (options["region"] is None) != (options["resume"] or options["cancel"] or options["dry_run"]):
            raise CommandError("Name the Region with --region, or continue a move with --resume.")
        try:
            self._handle(open_moves(say=self._print), options)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome

    def _handle(self, moves: Moves, options: dict[str, Any]) -> None:
        slug, until = options["slug"], MoveStep(options["until"]) if options["until"] else None
        if options["dry_run"]:
            for planned in moves.plan(slug):
                self._print(f"{'done' if planned.done else 'to do':<6} {planned.step:<20} {planned.purpose}")
            return
        if options["cancel"]:
            moves.cancel(slug)
            self._print(f"the move of {slug} is cancelled")
            return
        if options["resume"]:
            moves.resume(slug, until=until)
        else:
            moves.start(slug, region=options["region"], is_lost=options["lost"], until=until)
        self._print_result(slug)

    def _print_result(self, slug: str) -> None:
        run = MoveRun.objects.get(slug=slug)
        if run.state != MoveRunState.MOVED:
            self._print(f"the move of {slug} is {run.state} after the step {run.step}; continue it with --resume")
            return
        of = {record.step: record.record for record in MoveRecord.objects.filter(run=run)}
        frozen, thawed = (
            datetime.fromisoformat(of[step][name])
            for step, name in ((MoveStep.FREEZE, "frozen_at"), (MoveStep.THAW, "thawed_at"))
        )
        self._print(f"{slug} writes in {run.target}, epoch {of[MoveStep.SWITCH]['epoch']}; its standby is {run.source}")
        self._print(f"  frozen for {(thawed - frozen).total_seconds():.1f} s")
        self._print(f"  {of[MoveStep.CATCH_UP].get('items', 0)} items compared")
        self._print(f"  {of[MoveStep.THAW]['due']} items are due; the sweep wakes them")

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
