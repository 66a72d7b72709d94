"""``manage.py issue_api_key SLUG KIND [--scope …]``: issue an API key and print it once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy import keys
from apps.tenancy.models import KeyKind
from apps.tenancy.scopes import Scope
from resale.errors import Outcome


class Command(BaseCommand):
    """Issues an API key."""

    help = "Create an API key for a tenant and print it. It is shown only once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("kind", choices=[kind.value for kind in KeyKind])
        parser.add_argument("--scope", action="append", choices=[scope.value for scope in Scope], help="default: all")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        scopes = options["scope"] or Scope
        try:
            issued = keys.issue_api_key(slug=options["slug"], kind=KeyKind(options["kind"]), scopes=scopes)
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        self.stdout.write(f"{issued.id} {issued.text}")
