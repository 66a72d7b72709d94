"""``manage.py report_drift [SLUG]``: compare tenants' accounts with what the registry recorded of them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy import registry
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.onboarding.opening import open_onboarding
from apps.tenancy.upgrades.drift import find_drift
from apps.tenancy.upgrades.opening import refuse_keys
from apps.tenancy.upgrades.plan import onboarded_tenants
from resale.errors import Outcome


class Command(BaseCommand):
    """Reports drift; its exit code is 1 when there is any, or when an account could not be read."""

    help = "Compare template, settings and resource map of tenants with their accounts; exit code 1 on any difference."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="?", help="default: every tenant that was onboarded")
        parser.add_argument("--test", action="store_true", help="run the smoke test of served tenants, too")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        try:
            onboarding = open_onboarding(deliver=refuse_keys, say=self.stdout.write)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        slugs = [options["slug"]] if options["slug"] else [tenant.slug for tenant in onboarded_tenants()]
        differing = [slug for slug in slugs if not self._report(onboarding, slug, tests=options["test"])]
        if differing:
            raise CommandError(f"{len(differing)} of {len(slugs)} tenants differ: {', '.join(differing)}")
        self.stdout.write(f"{len(slugs)} tenants as recorded")

    def _report(self, onboarding: Onboarding, slug: str, *, tests: bool) -> bool:
        """Print what differs at a tenant; return whether nothing does."""
        try:
            found = find_drift(onboarding, slug)
            if tests:
                onboarding.check_served(registry.by_slug(slug))
        except Outcome as outcome:
            self.stdout.write(f"{slug}: {outcome.code}: {outcome.detail}")
            return False
        for one in found:
            self.stdout.write(f"{slug}: {one.subject}: recorded {one.recorded}, actual {one.actual}")
        return not found
