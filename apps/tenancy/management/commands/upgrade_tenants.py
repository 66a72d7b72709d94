"""``manage.py upgrade_tenants``: roll templates and settings out to the tenants, in waves."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.upgrades.opening import open_rollouts
from apps.tenancy.upgrades.rollout import Rollouts
from resale.domain.waves import Wave
from resale.errors import Outcome


class Command(BaseCommand):
    """Upgrades tenants one after another: stacks, resource map, test, bake time; stops at the first that fails."""

    help = "Roll this release's templates, or the settings alone, out to the tenants in waves. Resumable."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--templates", action="store_true", help="this release's templates and settings (default)")
        what.add_argument("--settings-only", action="store_true", help="each tenant keeps its template")
        waves = [wave.value for wave in Wave if wave != Wave.NONE]
        parser.add_argument("--wave", choices=waves, default=Wave.ALL.value, help="the last wave; default: all")
        parser.add_argument("--dry-run", action="store_true", help="print the tenants in order, and write nothing")
        parser.add_argument("--resume", action="store_true", help="continue the rollout that has not ended")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        wave, keeps_templates = Wave(options["wave"]), options["settings_only"]
        try:
            rollouts = open_rollouts(say=self._print)
            if options["dry_run"]:
                self._print_plan(rollouts, wave, keeps_templates=keeps_templates)
                return
            if options["resume"]:
                rollouts.resume()
            else:
                rollouts.start(wave=wave, keeps_templates=keeps_templates)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        self._print("the rollout is completed")

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _print_plan(self, rollouts: Rollouts, wave: Wave, *, keeps_templates: bool) -> None:
        release = rollouts.release_template()
        for one in rollouts.plan(wave=wave, keeps_templates=keeps_templates):
            target = one.former if keeps_templates else release
            waits = "  awaits the brand's approval" if one.awaits_approval else ""
            state = "current" if one.is_current else f"{one.former or 'unknown'} to {target}"
            self._print(f"{one.wave:<7} {one.slug:<24} {state}{waits}")
        self._print(f"template of this release: {release}")
