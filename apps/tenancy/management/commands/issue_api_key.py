"""``manage.py issue_api_key SLUG KIND | --operator [--scope …]``: issue an API key and print it once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy import keys, operator_keys
from apps.tenancy.models import KeyKind
from apps.tenancy.scopes import OperatorScope, Scope
from resale.errors import Outcome


class Command(BaseCommand):
    """Issues an API key."""

    help = "Create an API key for a tenant, or for an operator, and print it. It is shown only once."

    def add_arguments(self, parser: CommandParser) -> None:
        scopes = [scope.value for scope in (*Scope, *OperatorScope)]
        parser.add_argument("slug", nargs="?")
        parser.add_argument("kind", nargs="?", choices=[kind.value for kind in KeyKind])
        parser.add_argument("--operator", action="store_true", help="a key of the platform, for no tenant")
        parser.add_argument("--scope", action="append", choices=scopes, help="default: all")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        try:
            issued = _issue(options)
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        self.stdout.write(f"{issued.id} {issued.text}")


def _issue(options: dict[str, Any]) -> keys.IssuedKey:
    slug, kind, scopes = options["slug"], options["kind"], options["scope"]
    if options["operator"] != (slug is None and kind is None) or (slug is None) != (kind is None):
        raise CommandError("Name a tenant and the kind of its key, or --operator alone.")
    if not options["operator"]:
        return keys.issue_api_key(slug=slug, kind=KeyKind(kind), scopes=scopes or Scope)
    if unknown := set(scopes or ()) - set(OperatorScope):
        raise CommandError(f"An operator's key cannot have these scopes: {', '.join(sorted(unknown))}.")
    return operator_keys.issue_operator_key(scopes=[OperatorScope(one) for one in scopes or OperatorScope])
