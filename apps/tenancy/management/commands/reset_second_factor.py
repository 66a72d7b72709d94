"""``manage.py reset_second_factor NAME``: remove the second factor of a user who lost it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy import second_factors
from apps.tenancy.models import User
from apps.tenancy.second_factors import AccountNotFound


class Command(BaseCommand):
    """Resets a second factor."""

    help = "Remove the second factor of an account by its name, and end its sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"{AccountNotFound.code}: {AccountNotFound.default_detail}")
        second_factors.reset(user=user)
        self.stdout.write(f"the second factor of {user.staff_id} is reset")
