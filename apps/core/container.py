"""The one way from Django to the adapters: a container per process, built when first asked for."""

import threading

from django.conf import settings

from resale.bootstrap import (
    AccessKey,
    Container,
    Provisioned,
    SecretPlace,
    TenantStack,
    ensure_platform_key,
    platform_principal_arn,
    provision_tenant,
    put_secret,
)

__all__ = [
    "AccessKey",
    "Provisioned",
    "SecretPlace",
    "TenantStack",
    "close_container",
    "ensure_platform_key",
    "get_container",
    "platform_principal_arn",
    "provision_tenant",
    "put_secret",
]

_lock = threading.Lock()
_container: Container | None = None


def get_container() -> Container:
    """Get this process's container. Building it connects to nothing."""
    global _container  # noqa: PLW0603 - one a process is the point
    if _container is None:
        with _lock:
            if _container is None:
                _container = Container(settings.RESALE)
    return _container


def close_container() -> None:
    """Close what the container opened; the next caller gets a new one."""
    global _container
    with _lock:
        closing, _container = _container, None
    if closing is not None:
        closing.close()
