"""``manage.py write_off_debts``: write off what sellers have owed for the days of the policy ``bad_debt_days``."""

import argparse
import uuid
from collections.abc import Iterator
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy.command_tenants import tenants_of_command
from resale.application.operations.write_offs import write_off_debts
from resale.application.queries.ledger import iter_debtors
from resale.domain.access import Principal, Role
from resale.domain.actors import Actor, ActorKind
from resale.domain.command_context import CommandContext
from resale.domain.tenants import Tenant
from resale.errors import Outcome

_ACTOR: Final = Actor(kind=ActorKind.SYSTEM, id="write_off_debts")


class Command(BaseCommand):
    """Writes off one seller after the other, each in a commit; one tenant's failure does not stop the others."""

    help = "Write off negative balances of sellers after the days of the policy bad_debt_days. Run daily. Idempotent."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", help="tenants (all active ones)")

    def handle(self, *_args: Any, **options: Any) -> None:
        tenants = tenants_of_command(options["slugs"])
        failed = []
        for tenant in tenants:
            try:
                count = sum(_write_off(tenant))
            except Outcome as outcome:
                failed.append(tenant.slug)
                self.stderr.write(f"{tenant.slug}: {outcome.detail}")
            else:
                self.stdout.write(f"{tenant.slug}: {count} written off")
        if failed:
            raise CommandError(f"Not written off: {', '.join(failed)}. Run the command again: it continues.")


def _write_off(tenant: Tenant) -> Iterator[int]:
    container, now = get_container(), clock.for_tenant(tenant)
    for seller_id in iter_debtors(reader=container.reader(tenant), principal=Principal(standing=Role.BRAND)):
        context = CommandContext(actor=_ACTOR, request_id=f"req_{uuid.uuid4().hex}", now=now)
        yield write_off_debts(container.unit_of_work(tenant, context), seller_id=seller_id)
