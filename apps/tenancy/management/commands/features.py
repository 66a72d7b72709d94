"""``manage.py features``: list the features, release one to a wave, and record what premium tenants chose."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy import feature_changes, registry
from apps.tenancy.entitlement_changes import Cause, cause_of_command
from apps.tenancy.features import load_releases
from apps.tenancy.models import Tenant
from resale.domain.features import FEATURES, Feature, default_release, feature_named
from resale.domain.waves import Wave
from resale.errors import Outcome

_SLOW: Final = "all processes follow within 30 s"


class Command(BaseCommand):
    """Lists features and changes who has them. Each change records who made it, and why."""

    help = "List the features, release one in waves, or let a premium tenant opt in, pin and unpin."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="list the features, how far each is released, or what a tenant has")
        listing.add_argument("slug", nargs="?", help="a tenant; default: every feature with its release")
        for action, description in _DESCRIPTIONS.items():
            changing = actions.add_parser(action, help=description)
            if action != "release":
                changing.add_argument("slug")
            if not action.startswith("ring"):
                changing.add_argument("name", help="of the feature")
            changing.add_argument("--reason", required=True, help="recorded with the change")
            if action == "release":
                changing.add_argument("--wave", required=True, choices=[wave.value for wave in Wave])
            if action == "pin":
                changing.add_argument("--until", required=True, type=date.fromisoformat, help="last day, as 2026-12-31")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        action = options["action"]
        try:
            lines = _list(options["slug"]) if action == "list" else _change(action, options)
            for line in lines:
                self.stdout.write(line)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error


_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "release": "release a feature to a wave",
    "opt-in": "give a premium tenant a feature that its brand chose",
    "pin": "keep a feature from a premium tenant until a date",
    "unpin": "end a pin",
    "ring-add": "let features and upgrades reach a tenant first",
    "ring-remove": "remove a tenant from the ring",
}


def _change(action: str, options: Mapping[str, Any]) -> Iterator[str]:
    cause = cause_of_command(options["reason"])
    if action == "release":
        feature, wave = feature_named(options["name"]), Wave(options["wave"])
        feature_changes.release_feature(feature=feature, wave=wave, cause=cause)
        yield f"{feature} is released to the wave {wave}; {_SLOW}"
        return
    _CHANGES[action](options, cause)
    yield f"{options['slug']}: done; {_SLOW}"


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
    releases, count = load_releases(), Tenant.objects.count()
    for feature, declared in FEATURES.items():
        release = releases.get(feature) or default_release(feature)
        yield f"{feature:<24} wave {release.wave:<7} everybody from {declared.latest}  {declared.summary}"
    yield f"{len(FEATURES)} features, {count} tenants"
