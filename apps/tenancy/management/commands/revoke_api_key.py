"""``manage.py revoke_api_key KEY_ID``: revoke an API key, everywhere within 30 s."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.tenancy import keys
from resale.errors import Outcome


class Command(BaseCommand):
    """Revokes an API key."""

    help = "Revoke an API key by its id (key_…)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key_id")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        try:
            keys.revoke_api_key(key_id=options["key_id"], now=timezone.now())
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        self.stdout.write("revoked")
