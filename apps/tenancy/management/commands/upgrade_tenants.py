"""``manage.py upgrade_tenants``: roll templates and settings out to the tenants, in waves."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.entitlement_changes import Cause, cause_of_command
from apps.tenancy.failed_messages import count_failed_messages
from apps.tenancy.upgrades.opening import open_rollouts
from apps.tenancy.upgrades.rollout import Rollouts
from apps.tenancy.upgrades.schedule import RolloutSchedule, abandon_rollout
from resale.domain.feature_schedules import change_plan
from resale.domain.tenant_upgrades import UpgradeState
from resale.domain.waves import Wave, WavePlan
from resale.errors import Outcome


class Command(BaseCommand):
    """Upgrades tenants one after another: stacks, resource map, test, bake time; stops at the first that fails."""

    help = "Roll this release's templates, or the settings alone, out to the tenants in waves, also by a schedule."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--templates", action="store_true", help="this release's templates and settings (default)")
        what.add_argument("--settings-only", action="store_true", help="each tenant keeps its template")
        waves = [wave.value for wave in Wave if wave != Wave.NONE]
        parser.add_argument("--wave", choices=waves, default=Wave.ALL.value, help="the last wave; default: all")
        for field in WavePlan.__struct_fields__:
            parser.add_argument(
                f"--{field.replace('_', '-')}", type=int, help="with --scheduled: how long it is observed"
            )
        action = parser.add_mutually_exclusive_group()
        action.add_argument("--dry-run", action="store_true", help="print the tenants in order, and write nothing")
        action.add_argument("--resume", action="store_true", help="continue the rollout that has not ended")
        action.add_argument("--scheduled", action="store_true", help="begin with the ring; --advance goes on")
        action.add_argument("--advance", action="store_true", help="begin the next wave if it is due; run it hourly")
        action.add_argument("--abandon", action="store_true", help="begin no further tenant; who is upgraded stays so")
        parser.add_argument("--reason", default="", help="of --scheduled or --abandon; recorded")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        try:
            if options["abandon"]:
                self._abandon(cause_of_command(options["reason"]))
            else:
                self._roll_out(options)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error

    def _roll_out(self, options: dict[str, Any]) -> None:
        wave, keeps_templates = Wave(options["wave"]), options["settings_only"]
        if options["scheduled"] and keeps_templates:
            raise CommandError("--scheduled rolls out templates. Leave out --settings-only.")
        rollouts = open_rollouts(say=self._print)
        if options["advance"]:
            self._print(RolloutSchedule(rollouts, count_errors=count_failed_messages).advance())
            return
        if options["dry_run"]:
            self._print_plan(rollouts, wave, keeps_templates=keeps_templates)
            return
        if options["resume"]:
            rollouts.resume()
        elif options["scheduled"]:
            cause = cause_of_command(options["reason"])
            rollouts.start(wave=Wave.RING, keeps_templates=keeps_templates, plan=_plan_of(options), cause=cause)
        else:
            rollouts.start(wave=wave, keeps_templates=keeps_templates)
        self._print("the rollout is completed")

    def _abandon(self, cause: Cause) -> None:
        for state, count in abandon_rollout(cause=cause).items():
            self._print(f"{count:>5} {state:<18} {_AFTER[state]}")
        self._print("the rollout is abandoned")

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


def _plan_of(options: dict[str, Any]) -> dict[str, int]:
    """Return the hours of the waves. Raises WavePlanRefused."""
    hours = {field: options[field] for field in WavePlan.__struct_fields__ if options[field] is not None}
    return msgspec.structs.asdict(change_plan(WavePlan(), hours))


#: What an abandoned rollout leaves behind, by the state of a tenant.
_AFTER: Final[Mapping[UpgradeState, str]] = {
    UpgradeState.PENDING: "was not begun",
    UpgradeState.AWAITING_APPROVAL: "was not begun",
    UpgradeState.RUNNING: "is being changed; its process ends with it, or the next rollout reaches it",
    UpgradeState.BAKING: "has the new template; its messages are not observed if no process runs",
    UpgradeState.UPGRADED: "keeps the new template",
    UpgradeState.ROLLED_BACK: "has its former template",
    UpgradeState.FAILED: "stays as it failed; read its detail on its page under Upgrades",
    UpgradeState.LEFT: "is closing or closed",
    UpgradeState.ABANDONED: "was not begun, and keeps its former template",
}
