"""The offboarding machine of this process, with the providers of where the platform runs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, cast

from django.conf import settings
from django.core.files.storage import storages
from django.utils.module_loading import import_string

from apps.core import clock
from apps.core.container import get_container
from apps.tenancy.offboarding.archive import Archive
from apps.tenancy.offboarding.machine import Offboarding
from resale.application.ports import OffboardingProviders
from resale.application.queries.tenant_offboarding import count_open_work
from resale.domain.tenant_offboarding import OpenWork
from resale.domain.tenants import Tenant
from resale.errors import Unavailable

_STORAGE: Final = "exports"
#: Longer than anything of a tenant waits.
_EVER: Final = timedelta(days=3_650)


def open_offboarding(*, say: Callable[[str], None]) -> Offboarding:
    """Open the machine. Raises Unavailable: the platform does not run, or has no storage for exports."""
    if _STORAGE not in settings.STORAGES:
        raise Unavailable(
            "No storage for exports is configured, so no tenant can be offboarded here. Set RESALE_EXPORTS_BUCKET.",
            retry_after_seconds=60,
        )
    return Offboarding(
        _open_providers(),
        Archive(storages[_STORAGE]),
        get_container().signer(),
        count_open=_count_open,
        say=say,
    )


def _count_open(tenant: Tenant) -> OpenWork:
    container = get_container()
    return count_open_work(
        reader=container.reader(tenant),
        pipeline=container.pipeline(tenant),
        queues=container.queues(tenant),
        until=clock.for_platform() + _EVER,
    )


def _open_providers() -> OffboardingProviders:
    path = settings.OFFBOARDING_PROVIDERS
    if path is None:
        return get_container().offboarding_providers()
    return cast("OffboardingProviders", import_string(path)())
