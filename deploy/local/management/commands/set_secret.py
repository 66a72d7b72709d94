"""``manage.py set_secret SLUG NAME < values.json``: write a secret into a tenant's account on this machine."""

import sys
from typing import Any, Final

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy import registry
from deploy.local.engines import ministack
from deploy.local.provisioning.secrets import SecretPlace, put_secret
from deploy.local.supervisor.ports import PortRegistry
from resale.domain.tenants import Tenant
from resale.errors import Outcome

_MAX_CHARS: Final = 64 * 1024  # what Secrets Manager takes (API Reference, CreateSecret)


class Command(BaseCommand):
    """Writes a secret like the administrator of the account; the platform's own role cannot."""

    help = "Write a tenant's secret while `make run` is running: a JSON object of strings, read from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("name", help="its whole name, SLUG/something; a connection names it so")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        port = PortRegistry(settings.VAR_DIR / "ports.json").find(ministack.NAME)
        if port is None:
            raise CommandError(f"Nothing was ever started with {settings.VAR_DIR}.")
        name = options["name"]
        try:
            tenant = registry.by_slug(options["slug"])
            written = put_secret(_place(tenant, name), aws_url=_url(port), name=name, values=_values())
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        self.stdout.write("written; in use within five minutes" if written else "it holds this already")


def _place(tenant: Tenant, name: str) -> SecretPlace:
    if not name.startswith(f"{tenant.slug}/"):
        raise CommandError(f"The tenant's role reads no secret whose name does not begin with {tenant.slug}/.")
    return SecretPlace(account_id=tenant.account_id, region=tenant.region, key_arn=tenant.resources.key_arn)


def _url(port: int) -> str:
    return f"http://localhost:{port}"


def _values() -> dict[str, str]:
    """Read the values from standard input: arguments of a command are visible and stored."""
    text = sys.stdin.read(_MAX_CHARS)  # cut, it is no object any more
    try:
        values = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:  # which may quote it
        values = {}
    if not values:
        raise CommandError("Standard input holds no JSON object of strings.")
    return values
