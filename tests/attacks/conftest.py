"""One pair of shops for all attacks of a module: the attacks read, or are refused."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from apps.tenancy import registry
from deploy.local.engines.local import LocalEngines
from deploy.local.issuer.server import IssuerServer
from resale.bootstrap import Container
from resale.domain.tenants import Tenant
from tests.attacks.page_attempts import Staff
from tests.attacks.parties import Attacker, Victim, open_parties
from tests.fixtures.storefront import Front, open_provisioned_shop


@pytest.fixture(scope="module")
def _module_registry(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:  # noqa: ARG001 - makes the tables
    """The registry's database, in one transaction for the whole module."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)
    registry.clear()


@pytest.fixture(scope="module")
def parties(
    web_container: Container,
    tenants: tuple[Tenant, Tenant],
    engines: LocalEngines,
    _issuers: IssuerServer,
    _module_registry: None,
) -> Iterator[tuple[Attacker, Victim]]:
    """The attacker and the victim."""
    shops = [open_provisioned_shop(tenant, _issuers) for tenant in tenants]
    fronts = (Front(shops[0], web_container), Front(shops[1], web_container))
    with open_parties(fronts, engines) as made:
        yield made


@pytest.fixture(scope="module")
def staff(parties: tuple[Attacker, Victim]) -> Staff:
    """A manager of the attacker's shop."""
    return Staff.hire(*parties)


@pytest.fixture
def attacker(parties: tuple[Attacker, Victim]) -> Attacker:
    return parties[0]


@pytest.fixture
def victim(parties: tuple[Attacker, Victim]) -> Victim:
    return parties[1]
