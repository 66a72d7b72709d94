"""``manage.py features``: list the features, release one in waves, and record what premium tenants chose."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy import feature_changes, feature_schedules, registry
from apps.tenancy.entitlement_changes import Cause, cause_of_command
from apps.tenancy.failed_messages import count_failed_messages
from apps.tenancy.models import Tenant
from resale.domain.feature_schedules import ReleaseMode
from resale.domain.features import FEATURES, Feature, feature_named
from resale.domain.waves import Wave, WavePlan
from resale.errors import Outcome

_SLOW: Final = "all processes follow within 30 s"


class Command(BaseCommand):
    """Lists features and changes who has them. Each change records who made it, and why."""

    help = "List the features, release one in waves, by hand or by a schedule, or record what premium tenants chose."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="list the features, how far each is released, or what a tenant has")
        listing.add_argument("slug", nargs="?", help="a tenant; default: every feature with its release")
        actions.add_parser("advance", help="let the next wave of scheduled features begin; run it hourly")
        for action, description in _DESCRIPTIONS.items():
            changing = actions.add_parser(action, help=description)
            if action not in _OF_FEATURES:
                changing.add_argument("slug")
            if not action.startswith("ring"):
                changing.add_argument("name", help="of the feature")
            changing.add_argument("--reason", required=True, help="recorded with the change")
            _add_options(changing, action)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        action = options["action"]
        try:
            if action == "advance":
                self._advance()
                return
            lines = _list(options["slug"]) if action == "list" else _change(action, options)
            for line in lines:
                self.stdout.write(line)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error

    def _advance(self) -> None:
        """Advance what is due; fail when an operator has to look, so that whatever runs it raises an alarm."""
        advances = feature_schedules.advance_features(count_failures=count_failed_messages)
        for one in advances:
            self.stdout.write(f"{one.feature:<24} {one.detail}")
        self.stdout.write(f"{len(advances)} scheduled features")
        waiting = [one.feature.value for one in advances if one.needs_action]
        if waiting:
            raise CommandError(f"need action: {', '.join(waiting)}")


_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "release": "release a feature to a wave",
    "schedule": "let a feature advance from wave to wave by itself",
    "hold": "stop a schedule; who has the feature keeps it",
    "resume": "let a schedule go on; its wave is observed anew",
    "opt-in": "give a premium tenant a feature that its brand chose",
    "pin": "keep a feature from a premium tenant until a date",
    "unpin": "end a pin",
    "ring-add": "let features and upgrades reach a tenant first",
    "ring-remove": "remove a tenant from the ring",
}
_OF_FEATURES: Final = {"release", "schedule", "hold", "resume"}
_HOURS: Final = WavePlan.__struct_fields__


def _add_options(parser: CommandParser, action: str) -> None:
    if action == "release":
        parser.add_argument("--wave", required=True, choices=[wave.value for wave in Wave])
    if action == "pin":
        parser.add_argument("--until", required=True, type=date.fromisoformat, help="last day, as 2026-12-31")
    if action == "schedule":
        for field in _HOURS:
            wave = field.removesuffix("_hours")
            parser.add_argument(f"--{wave}-hours", type=int, help=f"how long the wave {wave} is observed")


def _change(action: str, options: Mapping[str, Any]) -> Iterator[str]:
    cause = cause_of_command(options["reason"])
    if action == "release":
        feature, wave = feature_named(options["name"]), Wave(options["wave"])
        feature_changes.release_feature(feature=feature, wave=wave, cause=cause)
        yield f"{feature} is released to the wave {wave}; {_SLOW}"
        return
    if action in _SCHEDULES:
        yield _SCHEDULES[action](feature_named(options["name"]), options, cause)
        return
    _CHANGES[action](options, cause)
    yield f"{options['slug']}: done; {_SLOW}"


def _schedule(feature: Feature, options: Mapping[str, Any], cause: Cause) -> str:
    hours = {field: options[field] for field in _HOURS if options[field] is not None}
    plan = feature_schedules.schedule_feature(feature=feature, hours=hours, cause=cause)
    shown = ", ".join(f"{field.removesuffix('_hours')} {getattr(plan, field)} h" for field in _HOURS)
    return f"{feature} advances by itself: {shown}"


def _hold(feature: Feature, _options: Mapping[str, Any], cause: Cause) -> str:
    feature_schedules.hold_feature(feature=feature, cause=cause)
    return f"{feature} is held; who has it keeps it"


def _resume(feature: Feature, _options: Mapping[str, Any], cause: Cause) -> str:
    feature_schedules.resume_feature(feature=feature, cause=cause)
    return f"{feature} advances by itself again; its wave is observed anew"


_SCHEDULES: Final[Mapping[str, Callable[[Feature, Mapping[str, Any], Cause], str]]] = {
    "schedule": _schedule,
    "hold": _hold,
    "resume": _resume,
}


def _opt_in(options: Mapping[str, Any], cause: Cause) -> None:
    feature_changes.opt_in(slug=options["slug"], feature=feature_named(options["name"]), cause=cause)


def _pin(options: Mapping[str, Any], cause: Cause) -> None:
    feature = feature_named(options["name"])
    feature_changes.pin_feature(slug=options["slug"], feature=feature, until=options["until"], cause=cause)


def _unpin(options: Mapping[str, Any], cause: Cause) -> None:
    feature_changes.unpin_feature(slug=options["slug"], feature=feature_named(options["name"]), cause=cause)


def _add_to_ring(options: Mapping[str, Any], cause: Cause) -> None:
    feature_changes.set_ring(slug=options["slug"], in_ring=True, cause=cause)


def _remove_from_ring(options: Mapping[str, Any], cause: Cause) -> None:
    feature_changes.set_ring(slug=options["slug"], in_ring=False, cause=cause)


_CHANGES: Final[Mapping[str, Callable[[Mapping[str, Any], Cause], None]]] = {
    "opt-in": _opt_in,
    "pin": _pin,
    "unpin": _unpin,
    "ring-add": _add_to_ring,
    "ring-remove": _remove_from_ring,
}


def _list(slug: str | None) -> Iterator[str]:
    if slug is not None:
        tenant = registry.by_slug(slug)
        yield from (f"{feature:<24} {'on' if tenant.is_enabled(feature) else 'off'}" for feature in Feature)
        return
    count = Tenant.objects.count()
    for feature, declared in FEATURES.items():
        shown = feature_schedules.view_of(feature)
        yield f"{feature:<24} wave {shown.wave:<7} everybody from {declared.latest}  {declared.summary}"
        if shown.mode != ReleaseMode.MANUAL:
            due = f"{shown.due_at:%Y-%m-%dT%H:%MZ}" if shown.due_at else "not known yet"
            yield f"{'':<24} {shown.mode}, next wave: {due}"
    yield f"{len(FEATURES)} features, {count} tenants"
