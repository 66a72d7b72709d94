"""``manage.py approve_upgrade SLUG --reason …``: record that a brand approved this release's templates."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.entitlement_changes import cause_of_command
from apps.tenancy.upgrades.approval import approve_upgrade
from apps.tenancy.upgrades.opening import open_rollouts
from resale.errors import Outcome


class Command(BaseCommand):
    """Records an approval."""

    help = "Record that a brand approved this release's templates, for a tenant that approves its upgrades."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--reason", required=True, help="recorded with the approval: who approved, and where")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        slug, cause = options["slug"], cause_of_command(options["reason"])
        try:
            template = open_rollouts(say=self.stdout.write).release_template()
            approve_upgrade(slug=slug, template=template, cause=cause)
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{slug} is approved for the template {template}; continue with upgrade_tenants")
