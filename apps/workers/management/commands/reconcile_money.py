"""``manage.py reconcile_money``: reconcile a tenant's payment provider, ledger and orders."""

import argparse
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy import registry
from resale.application.queries.ledger import MAX_DAYS, Reconciliation, get_reconciliation
from resale.domain.access import Principal, Role
from resale.errors import Outcome


class Command(BaseCommand):
    """Prints sums and differences; exits with 1 if the three records differ."""

    help = "Reconcile money movements and balances of provider, ledger, orders and sellers. Exit code 1 if they differ."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--days", type=int, default=7, help=f"how far back, 1 to {MAX_DAYS} (7)")

    def handle(self, *_args: Any, **options: Any) -> None:
        days = options["days"]
        if not 1 <= days <= MAX_DAYS:
            raise CommandError(f"--days is 1 to {MAX_DAYS}.")
        try:
            report = self._read(options["slug"], timedelta(days=days))
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        self._print(report)
        if not report.agreed:
            raise CommandError(
                "The records differ. Every line that is not settling needs action; see docs/runbook-money.md."
            )

    def _read(self, slug: str, back: timedelta) -> Reconciliation:
        tenant, container = registry.by_slug(slug), get_container()
        return get_reconciliation(
            reader=container.reader(tenant),
            principal=Principal(standing=Role.BRAND),
            payments=container.payments(tenant),
            back=back,
            now=clock.for_tenant(tenant),
            wall_now=clock.for_platform(),
            max_sellers=None,
        )

    def _print(self, report: Reconciliation) -> None:
        self.stdout.write(
            f"{report.movements} movements in {report.currency} minor units since {report.since:%Y-%m-%d %H:%M} UTC: "
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
