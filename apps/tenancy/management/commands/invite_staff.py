"""``manage.py invite_staff SLUG EMAIL --role ROLE``: invite a person to the staff of a tenant by e-mail."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.tenancy.invitations import invite_staff
from apps.tenancy.models import StaffRole
from resale.errors import Outcome


class Command(BaseCommand):
    """Invites staff. The link is in the message only."""

    help = "Invite a person to the staff of a tenant: sends a link that sets a password, once, within 7 days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("email")
        parser.add_argument("--role", choices=[role.value for role in StaffRole], required=True)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        role = StaffRole(options["role"])
        try:
            invitation = invite_staff(slug=options["slug"], email=options["email"], role=role, now=timezone.now())
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        self.stdout.write(f"{invitation.id} is sent; it expires at {invitation.expires_at:%Y-%m-%d %H:%M} UTC")
