"""``manage.py trial_balance``: print the trial balance of a tenant's ledger for a month."""

import argparse
from collections.abc import Iterator
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy import registry
from resale.application.queries.ledger import CurrencyTrialBalance, Month, TrialBalance, get_trial_balance
from resale.domain.access import Principal, Role
from resale.domain.money import format_amount
from resale.errors import Outcome


class Command(BaseCommand):
    """Prints a table per currency; exits with 1 if debits and credits differ."""

    help = "Print the trial balance of a month, per currency. Exit code 1 if debits and credits differ."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--month", help="YYYY-MM in UTC (the current month)")
        parser.add_argument("--opening", action="store_true", help="with opening and closing balances")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            report = self._read(options["slug"], options["month"], with_opening=options["opening"])
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        for sheet in report.currencies:
            for line in lines_of(sheet):
                self.stdout.write(line)
        for transaction_id in report.unbalanced:
            self.stdout.write(f"{transaction_id} does not sum to zero")
        if not report.balanced:
            raise CommandError("Debits and credits differ; see docs/runbook-money.md.")

    def _read(self, slug: str, month: str | None, *, with_opening: bool) -> TrialBalance:
        tenant = registry.by_slug(slug)
        now = clock.for_tenant(tenant)
        try:
            wanted = msgspec.convert(month or f"{now:%Y-%m}", Month)
        except msgspec.ValidationError as error:
            raise CommandError("--month is YYYY-MM.") from error
        return get_trial_balance(
            reader=get_container().reader(tenant),
            principal=Principal(standing=Role.BRAND),
            month=wanted,
            with_opening=with_opening,
            now=now,
        )


def lines_of(sheet: CurrencyTrialBalance) -> Iterator[str]:
    """Iterate over the lines of one currency's table."""
    yield f"{sheet.currency:<24} {'opening':>16} {'debit':>16} {'credit':>16} {'closing':>16}"
    for one in sheet.lines:
        cells = (one.opening, one.debit, one.credit, one.closing)
        yield f"{one.account:<24} " + " ".join(f"{_amount(cell, sheet.currency):>16}" for cell in cells)
    totals = (None, sheet.debit, sheet.credit, None)
    yield f"{'total':<24} " + " ".join(f"{_amount(total, sheet.currency):>16}" for total in totals)
    if sheet.difference:
        yield f"{'difference':<24} {_amount(sheet.difference, sheet.currency):>33}"


def _amount(minor: int | None, currency: str) -> str:
    return "-" if minor is None else format_amount(minor, currency).removesuffix(f" {currency}")
