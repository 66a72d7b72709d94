"""``manage.py ledger_journal``: write the journal of a tenant's month to standard output."""

import argparse
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy import registry
from resale.application.queries.ledger import JournalFormat, Month, iter_journal
from resale.domain.access import Principal, Role
from resale.errors import Outcome


class Command(BaseCommand):
    """Writes it as it is read: memory does not depend on the size of the ledger."""

    help = "Write the ledger's journal of a month to standard output, as CSV or in hledger's format."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--month", help="YYYY-MM in UTC (the current month)")
        parser.add_argument("--format", choices=list(JournalFormat), default=JournalFormat.CSV, dest="as_")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            tenant = registry.by_slug(options["slug"])
            month = msgspec.convert(options["month"] or f"{clock.for_tenant(tenant):%Y-%m}", Month)
            texts = iter_journal(
                reader=get_container().reader(tenant),
                principal=Principal(standing=Role.BRAND),
                month=month,
                as_=JournalFormat(options["as_"]),
            )
            for text in texts:
                self.stdout.write(text, ending="")
        except msgspec.ValidationError as error:
            raise CommandError("--month is YYYY-MM.") from error
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
