"""``manage.py mint_shopper SLUG NAME``: print a token of a demo brand's shopper, signed like the brand's issuer."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tenancy import registry
from deploy.local.brands import BRANDS
from deploy.local.issuer.tokens import mint
from deploy.local.summary import TOKENS_GOOD_FOR
from resale.errors import Outcome


class Command(BaseCommand):
    """Prints a token; whoever has it is that shopper, who is created by their first request."""

    help = "Print a token of a shopper of a demo brand, for `Authorization: Bearer`; good for a week."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help=f"whose shopper: {', '.join(brand.slug for brand in BRANDS)}")
        parser.add_argument("name", help="any; the same name is the same shopper (the token's `sub`)")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        keys, slug = settings.VAR_DIR / "issuers", options["slug"]
        if not (keys / f"{slug}.json").exists():
            raise CommandError(f"No issuer for {slug} has run with {settings.VAR_DIR}; start `make run` first.")
        try:
            tenant = registry.by_slug(slug)
        except Outcome as outcome:
            raise CommandError(outcome.detail) from outcome
        self.stdout.write(
            mint(
                keys,
                slug,
                options["name"],
                issuer=tenant.oidc_issuer,
                audience=tenant.oidc_audience,
                lifetime=TOKENS_GOOD_FOR,
            )
        )
