"""How the web role is served, in the image and by ``make run`` alike. Gunicorn reads this file, nothing imports it."""  # noqa: INP001 - a file, not a module

import gc
import os
import sys
from pathlib import Path

from msgspec.structs import replace

from config.settings import environment

_READ_SECONDS = float(environment.text("READ_SECONDS") or 0)
_GRACE_SECONDS = float(environment.text("READ_GRACE_SECONDS") or 0)
_SWITCH_SECONDS = 0.0005  # Python's own 5 ms let one tenant's flood delay another's reads (docs/performance.md)
_THREADS = 8  # threads wait for DynamoDB (2-6 ms a call); more only adds memory

bind = f"{environment.text('BIND_HOST')}:{environment.text('PORT')}"
workers = int(environment.text("WEB_CONCURRENCY") or 0) or os.cpu_count() or 1
worker_class = "apps.core.serving.DeadlineWorker"  # gunicorn's gthread, which by itself waits for ever
threads = _THREADS
preload_app = True  # imported once and shared by the workers: nothing connects or starts a thread at import

timeout = 30  # seconds without a sign of life from a worker
graceful_timeout = 30
forwarder_headers = ""  # no client names SCRIPT_NAME or PATH_INFO, whatever address it comes from
keepalive = 65  # seconds; above the load balancer's 60, or it would write into a closed connection
limit_request_line = 4094  # bytes
limit_request_fields = 64
limit_request_field_size = 8190  # bytes; bodies are bounded by the application (256 KiB)
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn's heartbeat file, never on a slow disk

accesslog = None  # the application logs one structured line a request
errorlog = "-"
loglevel = "warning"
control_socket_disable = True  # nobody talks to the server but the load balancer and signals


def when_ready(server: object) -> None:  # noqa: ARG001 - gunicorn's signature
    """Set what is loaded apart from garbage collection, before the workers fork: nothing of it ever ends."""
    gc.collect()
    gc.freeze()  # else each full collection walks all of Django, and writes to pages the workers share


def post_worker_init(worker: object) -> None:
    """Say how long a request may take to arrive, and how long a thread may keep the interpreter from the others."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    grace = min(_GRACE_SECONDS, _READ_SECONDS)
    limits = worker.limits  # type: ignore[attr-defined]  # DeadlineWorker's
    worker.limits = replace(limits, total_seconds=_READ_SECONDS, grace_seconds=grace)  # type: ignore[attr-defined]
