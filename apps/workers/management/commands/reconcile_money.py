"""``manage.py reconcile_money``: reconcile payment provider, ledger and orders of tenants."""

import argparse
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy.command_tenants import tenants_of_command
from resale.application.queries.ledger import MAX_DAYS, Reconciliation, get_reconciliation
from resale.domain.access import Principal, Role
from resale.domain.tenants import Tenant
from resale.errors import Outcome


class Command(BaseCommand):
    """Prints sums and differences by tenant; exits with 1 if the three records of one differ."""

    help = "Reconcile money movements and balances of provider, ledger, orders and sellers. Exit code 1 if they differ."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slugs", nargs="*", help="tenants (all active ones)")
        parser.add_argument("--days", type=int, default=7, help=f"how far back, 1 to {MAX_DAYS} (7)")

    def handle(self, *_args: Any, **options: Any) -> None:
        days = options["days"]
        if not 1 <= days <= MAX_DAYS:
            raise CommandError(f"--days is 1 to {MAX_DAYS}.")
        tenants = tenants_of_command(options["slugs"])
        differing = [tenant.slug for tenant in tenants if not self._report(tenant, timedelta(days=days))]
        if differing:
            raise CommandError(
                f"The records of {', '.join(differing)} differ or were not read. Every line that is not settling needs "
                "action; see docs/runbook-money.md."
            )

    def _report(self, tenant: Tenant, back: timedelta) -> bool:
        """Print the report of a tenant; return whether its records agree."""
        try:
            report = self._read(tenant, back)
        except Outcome as outcome:
            self.stderr.write(f"{tenant.slug}: {outcome.detail}")
            return False
        self._print(tenant, report)
        return report.agreed

    def _read(self, tenant: Tenant, back: timedelta) -> Reconciliation:
        container = get_container()
        return get_reconciliation(
            reader=container.reader(tenant),
            principal=Principal(standing=Role.BRAND),
            payments=container.payments(tenant),
            back=back,
            now=clock.for_tenant(tenant),
            wall_now=clock.for_platform(),
            max_sellers=None,
        )

    def _print(self, tenant: Tenant, report: Reconciliation) -> None:
        self.stdout.write(
            f"{tenant.slug}: {report.movements} movements in {report.currency} minor units "
            f"since {report.since:%Y-%m-%d %H:%M} UTC: "
            f"provider {report.provider_sum}, ledger {report.ledger_sum}, records {report.records_sum}; "
            f"{report.sellers} seller accounts"
        )
        for one in report.differences:
            state = "settling" if one.settling else "DIFFERS"
            transfers = "" if one.transfers is None else f", transfers {one.transfers}"
            self.stdout.write(
                f"  {state} {one.kind} {one.booking} {one.source_id} {one.our_id}: "
                f"provider {one.provider}, ledger {one.ledger}, records {one.records}{transfers}"
            )
        if not report.differences:
            self.stdout.write("  no differences")
