"""``manage.py reconcile``: find and repair gaps in history."""

import argparse
from collections.abc import Callable
from functools import partial

from django.core.management.base import BaseCommand, CommandError

from apps.core.container import get_container
from apps.tenancy import registry
from apps.workers.changes.reconciliation import Reconciliation, reconcile_entity, reconcile_tenant
from resale.domain.ids import is_any_id
from resale.domain.tenants import Tenant
from resale.errors import Outcome


class Command(BaseCommand):
    """Reconciles the history of all active tenants, or of one; exits with 1 if faults remain."""

    help = "Find gaps in history and repair them from the last 24 hours of the streams."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--tenant", default=None, metavar="SLUG", help="only this tenant (slug)")
        parser.add_argument(
            "--entity", default=None, metavar="ID", help="repair only the newest version, from the item"
        )
        parser.add_argument(
            "--parent", default=None, metavar="ID", help="id of the parent: an image's listing, a transfer's order"
        )

    def handle(self, *_args: object, **options: object) -> None:
        wanted = options["tenant"]
        tenants = [tenant for tenant in registry.listed_tenants() if wanted in {None, tenant.slug}]
        if not tenants:
            raise CommandError("No active tenant has this slug.")
        work: Callable[[Tenant], Reconciliation] = _reconcile
        if options["entity"] is not None:
            entity_id, parent_id = str(options["entity"]), str(options["parent"] or options["entity"])
            if wanted is None or not is_any_id(entity_id):
                raise CommandError("--entity takes an object id and requires --tenant.")
            work = partial(_reconcile_entity, entity_id=entity_id, parent_id=parent_id)
        try:
            left_open = sum(self._print(tenant, work(tenant)) for tenant in tenants)
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        if left_open:
            raise CommandError(
                f"{left_open} histories could not be repaired: their records are older than the stream's 24 hours."
            )

    def _print(self, tenant: Tenant, found: Reconciliation) -> int:
        self.stdout.write(f"{tenant.slug}: {found.entities} checked, {found.repaired} repaired, {len(found.open)} open")
        for entity_id, findings in found.open.items():
            faults = ", ".join(f"v{finding.version} {finding.fault}" for finding in findings)
            self.stdout.write(f"  {entity_id}: {faults}")
        return len(found.open)


def _reconcile_entity(tenant: Tenant, *, entity_id: str, parent_id: str) -> Reconciliation:
    container = get_container()
    reader, history = container.reader(tenant), container.history(tenant)
    findings = reconcile_entity(reader=reader, history=history, entity_id=entity_id, parent_id=parent_id)
    return Reconciliation(entities=1, repaired=0, open={entity_id: findings} if findings else {})


def _reconcile(tenant: Tenant) -> Reconciliation:
    container = get_container()
    return reconcile_tenant(
        reader=container.reader(tenant),
        history=container.history(tenant),
        streams=container.streams(tenant),
        read_row=container.history_row,
    )
