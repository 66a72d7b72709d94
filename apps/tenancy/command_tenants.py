"""The tenants for which a management command runs."""

from collections.abc import Sequence

from django.core.management.base import CommandError

from apps.tenancy import registry
from resale.domain.tenants import Tenant
from resale.errors import Outcome


def tenants_of_command(slugs: Sequence[str]) -> Sequence[Tenant]:
    """Return the tenants that a command names; without names all active ones.

    Raises:
        CommandError: No tenant has one of these names, or the registry does not respond.
    """
    try:
        return [registry.by_slug(slug) for slug in slugs] or registry.listed_tenants()
    except Outcome as outcome:
        raise CommandError(outcome.detail) from outcome
