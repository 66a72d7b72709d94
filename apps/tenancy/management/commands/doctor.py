"""``manage.py doctor [SLUG …]``: what is wrong now, and what to do."""

import time
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy import registry
from apps.tenancy.doctor.findings import Finding, Severity
from apps.tenancy.doctor.platform import examine_platform, examine_registry
from apps.tenancy.doctor.tenants import examine_rows, examine_tenants
from resale.errors import Outcome

_INDENT = " " * 9


class Command(BaseCommand):
    """Examines the platform and its tenants; its exit code is 1 when something cannot wait."""

    help = "Report in sentences what is wrong now and what to do; exit code 1 when something cannot wait."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slugs", nargs="*", metavar="SLUG", help="examine these tenants; default: all")
        parser.add_argument("--json", action="store_true", help="print a JSON array of the findings")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        started = time.monotonic()
        try:
            found, count = _examine(frozenset(options["slugs"]))
        except Outcome as outcome:
            raise CommandError(f"{outcome.code}: {outcome.detail}") from outcome
        problems = sum(one.severity == Severity.PROBLEM for one in found)
        if options["json"]:
            self.stdout.write(msgspec.json.encode(found).decode())
        else:
            for one in found:
                self.stdout.write(f"{one.severity.upper():<8} {one.subject}: {one.what}\n{_INDENT}{one.action}\n")
            examined = f"{_count(count, 'tenant')} examined in {time.monotonic() - started:.1f} s"
            self.stdout.write(f"{examined}: {_count(problems, 'problem')}, {_count(len(found) - problems, 'notice')}")
        if problems:
            raise SystemExit(1)


def _examine(slugs: frozenset[str]) -> tuple[list[Finding], int]:
    """Return what was found, problems first, and how many tenants were examined. Raises Outcome."""
    found = list(examine_registry())
    if found:
        return found, 0
    tenants = tuple(tenant for tenant in registry.listed_tenants() if not slugs or tenant.slug in slugs)
    found = [*examine_platform(), *examine_rows(slugs, frozenset(tenant.slug for tenant in tenants))]
    known = {tenant.slug for tenant in tenants} | {one.subject for one in found}
    for slug in slugs - known:
        registry.by_slug(slug)  # raises TenantNotFound
    found += examine_tenants(tenants)
    return sorted(found, key=lambda one: one.severity != Severity.PROBLEM), len(tenants)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
