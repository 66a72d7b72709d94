"""The container of this process: the only way from Django to the adapters. It is built at first use."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

from django.conf import settings

from apps.core.execution import run_with_retries
from apps.core.hot_listings.process import invalidate_written
from apps.core.metering import USAGE
from resale.application.operations.connections import record_connection
from resale.application.ports import UnitOfWork
from resale.bootstrap import Container
from resale.domain.actors import Actor, ActorKind
from resale.domain.command_context import CommandContext
from resale.domain.connections import Observation
from resale.domain.partners import Connection
from resale.domain.tenants import Tenant

P = ParamSpec("P")
R = TypeVar("R")

_GUARD: Final = Actor(kind=ActorKind.SYSTEM, id="partners.guard")

_lock = threading.Lock()
_container: Container | None = None


def get_container() -> Container:
    """Return this process's container. Building it connects to nothing."""
    global _container  # noqa: PLW0603 - one a process is the point
    if _container is None:
        with _lock:
            if _container is None:
                _container = Container(
                    settings.RESALE,
                    record_connection=_record_connection,
                    record_usage=USAGE.add,
                    record_commit=invalidate_written,
                )
    return _container


def close_container() -> None:
    """Close the resources of the container; the next caller gets a new one."""
    global _container
    with _lock:
        closing, _container = _container, None
    if closing is not None:
        closing.close()


def run_operation(
    tenant: Tenant,
    context: CommandContext,
    operation: Callable[Concatenate[UnitOfWork, P], R],
    /,
    *args: P.args,
    **arguments: P.kwargs,
) -> R:
    """Run one operation for a tenant in a command context; a lost race is retried."""
    return run_with_retries(partial(get_container().unit_of_work, tenant, context), operation, *args, **arguments)


def _record_connection(tenant: Tenant, connection: Connection, seen: Observation) -> None:
    """Record the observation of a guard. Partners have no test clock, so the time is always the wall clock's."""
    context = CommandContext(actor=_GUARD, request_id=get_container().ids("req"), now=datetime.now(UTC))
    run_operation(tenant, context, record_connection, connection=connection, seen=seen)
