"""``manage.py suspend_tenant SLUG``: stop what is new at a tenant; what is in flight ends."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.tenants import set_tenant_status
from resale.domain.tenants import TenantStatus
from resale.errors import Outcome


class Command(BaseCommand):
    """Suspends a tenant."""

    help = "Suspend a tenant within 30 s: its API refuses every request, and workers end the orders under way."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        try:
            set_tenant_status(slug=options["slug"], status=TenantStatus.SUSPENDED)
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{options['slug']} is suspended; all processes follow within 30 s")
