"""``manage.py revoke_api_key KEY_ID``: revoke an API key, everywhere within 30 s."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.tenancy import keys, operator_keys
from apps.tenancy.operator_tables import OPERATOR_KEY_PREFIX
from resale.errors import Outcome


class Command(BaseCommand):
    """Revokes an API key."""

    help = "Revoke an API key by its id (key_…, or opk_… of an operator)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key_id")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        try:
            key_id = options["key_id"]
            is_operators = key_id.startswith(OPERATOR_KEY_PREFIX)
            revoke = operator_keys.revoke_operator_key if is_operators else keys.revoke_api_key
            revoke(key_id=key_id, now=timezone.now())
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        self.stdout.write("revoked")
