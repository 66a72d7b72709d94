"""The restores of this process, with the providers of where the platform runs."""

from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from apps.core.container import get_container
from apps.tenancy.restores.machine import Restores
from resale.application.ports import TableRestores


def open_restores(*, say: Callable[[str], None]) -> Restores:
    """Open the machine. Raises Unavailable: the platform does not run, or has no rights in the tenants' accounts."""
    container = get_container()
    return Restores(_open_tables(), open_reader=container.reader, open_history=container.history, say=say)


def _open_tables() -> TableRestores:
    path = settings.RESTORE_PROVIDERS
    if path is None:
        return get_container().table_restores()
    return cast("TableRestores", import_string(path)())
