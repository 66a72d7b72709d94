"""The onboarding, offboarding, restore and move providers of a command beside ``make run``."""

from collections.abc import Callable

from django.conf import settings

from deploy.local.brands import PLATFORM_ACCOUNT
from deploy.local.engines.install import install
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.providers import LocalPlace, LocalProviders
from deploy.local.onboarding.retirement import LocalRetirement
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.restores.regions import LocalRegions
from deploy.local.restores.snapshots import Snapshots
from deploy.local.restores.tables import LocalTables
from deploy.local.services import Addresses
from deploy.local.supervisor import locks
from deploy.local.supervisor.ports import PortRegistry
from resale.domain.tenants import Tenant
from resale.errors import Unavailable


def open_providers() -> LocalProviders:
    """Return the onboarding providers of the platform that runs with this folder. Raises Unavailable: none runs."""
    return LocalProviders(_find_place())


def open_retirement() -> LocalRetirement:
    """Return the offboarding providers, likewise. Raises Unavailable."""
    return LocalRetirement(_find_place())


def open_tables() -> LocalTables:
    """Return the restore providers, likewise. Raises Unavailable."""
    place = _find_place()
    binary = install(say=lambda _line: None).dynoxide
    return LocalTables(Snapshots(place.var / "snapshots"), binary, _account_of(place), markers=place.var / "restored")


def open_regions() -> LocalRegions:
    """Return the move providers, likewise. Raises Unavailable."""
    return LocalRegions(_account_of(_find_place()))


def _account_of(place: LocalPlace) -> Callable[[Tenant], RootAccount]:
    """Return what opens an account in the tenant's Region, once: its clients take a while to build."""
    urls = AccountFiles(place.var).endpoints()
    known: dict[tuple[str, str], RootAccount] = {}

    def account_of(tenant: Tenant) -> RootAccount:
        key = tenant.account_id, tenant.region
        if key not in known:
            url = urls.get("/".join(key)) or urls[tenant.account_id]
            endpoints = Endpoints(aws_url=place.aws_url, dynamodb_url=url)
            known[key] = RootAccount(account_id=tenant.account_id, region=tenant.region, endpoints=endpoints)
        return known[key]

    return account_of


def _find_place() -> LocalPlace:
    var = settings.VAR_DIR
    if locks.holder(locks.file_of(var / locks.PLATFORM)) is None:
        raise Unavailable(f"No platform runs with {var}. Start make run first.", retry_after_seconds=30)
    ports = PortRegistry(var / "ports.json")
    addresses = Addresses(
        web_port=ports.find("web") or 0,
        issuer_port=ports.find("issuer") or 0,
        payments_port=ports.find("payments") or 0,
        shipping_port=ports.find("shipping") or 0,
        aws_url=f"http://localhost:{ports.find('ministack')}",
        dynamodb_urls={},
    )
    return LocalPlace(
        var=var,
        platform_account=PLATFORM_ACCOUNT,
        aws_url=addresses.aws_url,
        base_url=addresses.base_url,
        issuer_base_url=addresses.issuer_url,
        origins=addresses.origins,
    )
