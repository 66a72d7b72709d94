"""The moves of this process, with the providers of where the platform runs."""

from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from apps.core.container import get_container
from apps.tenancy.moves.machine import Moves
from resale.application.ports import RegionMoves


def open_moves(*, say: Callable[[str], None]) -> Moves:
    """Open the machine. Raises Unavailable: the platform does not run, or has no rights in the tenants' accounts."""
    return Moves(_open_regions(), open_reader=get_container().reader, say=say)


def _open_regions() -> RegionMoves:
    path = settings.MOVE_PROVIDERS
    if path is None:
        return get_container().region_moves()
    return cast("RegionMoves", import_string(path)())
