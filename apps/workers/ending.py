"""The end of a pool process: what it counted since its thread last saved is saved. Loaded by Celery (``imports``).

Pool processes leave by ``os._exit``, which runs nothing that ``atexit`` knows.
"""

from typing import Any

from celery.signals import worker_process_shutdown

from apps.core.metering import USAGE


@worker_process_shutdown.connect
def save_usage(**_: Any) -> None:
    """Save what the process counted; a process that is killed (SIGKILL) loses it."""
    USAGE.flush()
