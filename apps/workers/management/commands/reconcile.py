"""``manage.py reconcile``: find and repair gaps in history."""

import argparse

from django.core.management.base import BaseCommand, CommandError

from apps.core.container import get_container
from apps.tenancy import registry
from apps.workers.reconcile import Reconciliation, reconcile_tenant
from resale.domain.tenants import Tenant


class Command(BaseCommand):
    """Re-reads the streams of all active tenants, or of one, and fails when something is left open."""

    help = "Find and repair gaps in history, from the streams' last 24 hours."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--tenant", default=None, metavar="SLUG", help="only this one")

    def handle(self, *_args: object, **options: object) -> None:
        wanted = options["tenant"]
        tenants = [tenant for tenant in registry.served_tenants() if wanted in {None, tenant.slug}]
        if not tenants:
            raise CommandError("No active tenant has this slug.")
        left_open = sum(self._say(tenant, _reconcile(tenant)) for tenant in tenants)
        if left_open:
            raise CommandError(
                f"{left_open} histories could not be mended: their records left the stream more than a day ago."
            )

    def _say(self, tenant: Tenant, found: Reconciliation) -> int:
        self.stdout.write(f"{tenant.slug}: {found.entities} checked, {found.repaired} mended, {len(found.open)} open")
        for entity_id, findings in found.open.items():
            faults = ", ".join(f"v{finding.version} {finding.fault}" for finding in findings)
            self.stdout.write(f"  {entity_id}: {faults}")
        return len(found.open)


def _reconcile(tenant: Tenant) -> Reconciliation:
    container = get_container()
    return reconcile_tenant(
        reader=container.reader(tenant),
        history=container.history(tenant),
        streams=container.streams(tenant),
        read_row=container.history_row,
    )
