"""``manage.py report_usage [SLUG] [--days N] [--csv]``: what tenants used, and what it is estimated to cost."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy.usage import UsageDay, report_usage
from resale.domain.costs import PRICE_REGION, PRICES_CHECKED_ON
from resale.domain.usage import Meter
from resale.errors import Outcome

_MAX_DAYS: Final = 400
_HEAD: Final = ("day", "tenant", *Meter, "usd")
_DIGITS: Final = {Meter.IMAGE_SECONDS: 1}


class Command(BaseCommand):
    """Reports usage and cost."""

    help = "Print what each tenant used on each day (UTC), and an estimate of its cost in USD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="?", help="one tenant; default: all")
        parser.add_argument("--days", type=int, default=7, help=f"how many days, today included (1 to {_MAX_DAYS})")
        parser.add_argument("--csv", action="store_true", help="print CSV")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        days: int = options["days"]
        if not 1 <= days <= _MAX_DAYS:
            raise CommandError(f"--days is from 1 to {_MAX_DAYS}.")
        until = datetime.now(UTC).date()
        try:
            found = report_usage(since=until - timedelta(days=days - 1), until=until, slug=options["slug"])
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        rows = (_HEAD, *map(_cells, found))
        if options["csv"]:
            csv.writer(self.stdout).writerows(rows)
            return
        for line in _align(rows):
            self.stdout.write(line)
        self.stdout.write(
            f"List prices of {PRICE_REGION}, {PRICES_CHECKED_ON}; the account's own bill is what is paid."
        )


def _cells(one: UsageDay) -> tuple[str, ...]:
    quantities = (f"{one.quantities.get(meter, 0):.{_DIGITS.get(meter, 0)}f}" for meter in Meter)
    return (one.day.isoformat(), one.slug, *quantities, f"{one.cost:.6f}")


def _align(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    table = tuple(rows)
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    for row in table:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
