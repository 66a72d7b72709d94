"""``manage.py import_provider_fees``: post the fees of tenants' payment providers, and payouts to their banks."""

import argparse
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy.command_tenants import tenants_of_command
from resale.application.operations.account_movements import post_account_movement
from resale.application.queries.ledger import find_import_start, list_imported
from resale.domain.access import Principal, Role
from resale.domain.actors import Actor, ActorKind
from resale.domain.command_context import CommandContext
from resale.domain.tenants import Tenant
from resale.errors import Outcome

_ACTOR: Final = Actor(kind=ActorKind.SYSTEM, id="import_provider_fees")
_DAY: Final = timedelta(days=1)


class Command(BaseCommand):
    """Imports what was not imported yet; one tenant's failure does not stop the others."""

    help = "Post the payment provider's fees and its payouts to the shop's bank account. Run daily. Idempotent."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", help="tenants (all active ones)")
        parser.add_argument("--since", type=date.fromisoformat, help="first day, YYYY-MM-DD (after the last import)")

    def handle(self, *_args: Any, **options: Any) -> None:
        tenants = tenants_of_command(options["slugs"])
        failed = []
        for tenant in tenants:
            try:
                count = sum(import_movements(tenant, since=options["since"]))
            except Outcome as outcome:
                failed.append(tenant.slug)
                self.stderr.write(f"{tenant.slug}: {outcome.detail}")
            else:
                self.stdout.write(f"{tenant.slug}: {count} posted")
        if failed:
            raise CommandError(f"Not imported: {', '.join(failed)}. Run the command again: it continues.")


def import_movements(tenant: Tenant, *, since: date | None) -> Iterator[int]:
    """Import day by day, oldest first; yield the number of posted movements of each day.

    Raises:
        Outcome: The provider or the data store did not respond; what was posted stays, and the next import continues.
    """
    container, now = get_container(), clock.for_platform()
    reader = container.reader(tenant)
    principal = Principal(standing=Role.BRAND)
    day = since or find_import_start(reader=reader, principal=principal, now=now)
    while day <= now.date():
        yield _import_day(tenant, day)
        day += _DAY


def _import_day(tenant: Tenant, day: date) -> int:
    container = get_container()
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    imported = list_imported(reader=container.reader(tenant), day=day)
    moved = container.payments(tenant).iter_account_movements(since=begin, until=begin + _DAY)
    count = 0
    for movement in moved:
        if (movement.id, str(movement.kind)) not in imported:
            context = CommandContext(actor=_ACTOR, request_id=f"import_{movement.id}", now=movement.at)
            count += post_account_movement(container.unit_of_work(tenant, context), movement=movement)
    return count
