"""The start of a worker, changes or sweep process: refused when its tenants cannot be as the settings list them.

Loaded by Celery (``imports``).
"""

import logging
import sys
from typing import Any

from celery.signals import worker_init
from django.db import connections

from apps.tenancy.own_processes import check_listed_tenants
from resale.domain.served_tenants import OwnProcessesRefused
from resale.errors import Unavailable

logger = logging.getLogger(__name__)


def refuse_wrong_tenants() -> None:
    """End the process if the list of its tenants is refused; without the registry, it starts and waits for it.

    Raises:
        SystemExit: The list is refused.
    """
    try:
        check_listed_tenants()
    except OwnProcessesRefused as refusal:
        sys.exit(f"{refusal.code}: {refusal.detail}")
    except Unavailable:
        logger.warning("the list of tenants is not checked: the registry does not respond")
    finally:
        connections.close_all()  # a pool process that is forked later would close the parent's


@worker_init.connect
def check_worker(**_: Any) -> None:
    """Check a Celery worker before it receives anything."""
    refuse_wrong_tenants()
