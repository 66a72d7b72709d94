"""``manage.py revoke_invitation INVITATION_ID``: end an invitation of staff that was not accepted yet."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.tenancy.invitations import revoke_invitation
from resale.errors import Outcome


class Command(BaseCommand):
    """Revokes an invitation."""

    help = "Revoke an open invitation of staff by its id (inv_…). Its link ends at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("invitation_id")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        try:
            revoke_invitation(invitation_id=options["invitation_id"], now=timezone.now())
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        self.stdout.write("revoked")
