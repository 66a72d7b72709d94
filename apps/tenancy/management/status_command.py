"""Commands that set the status of a tenant."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.tenants import set_tenant_status
from resale.domain.tenants import TenantStatus
from resale.errors import Outcome


class StatusCommand(BaseCommand):
    """Sets the status of a tenant to that of its subclass."""

    status: ClassVar[TenantStatus]

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the tenant's slug."""
        parser.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Set the status, or say why it cannot be set."""
        try:
            set_tenant_status(slug=options["slug"], status=self.status)
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{options['slug']} is {self.status}; all processes follow within 30 s")
