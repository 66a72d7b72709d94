"""Celery's settings, as data. Durations are seconds.

A worker is started without manage.py, one service a purpose; ``-Q`` names the purpose, the registry names the queues:

    DJANGO_SETTINGS_MODULE=config.settings.production \
        exec celery --quiet -A config.celery worker -Q orders -P prefork -c 4 -l INFO -O fair \
        --without-gossip --without-mingle --without-heartbeat

Both pools are prefork. Orders: the hard limit ends a payment call that hangs, and a child that dies takes one task
along and not the queue; 4 children wait on the network most of the time. Images: a child hands each picture to a
process of its own, in which native code is fed by strangers (docs/decisions/0023); one child a vCPU, as each keeps one
busy. ``threads`` enforces no limits and isolates nothing, so it is only for work that is short, waits and cannot
crash; today there is none. gevent and eventlet have no event loop of this kind, and the transport refuses them.
"""

from collections.abc import Mapping
from typing import Any, Final

# ``visibility_seconds`` is the queue's VisibilityTimeout in the template: at least six times the task's limit in AWS.
# While a message waits or runs, its worker renews that timeout. maxReceiveCount: 5 in AWS, 20 locally.
AWS: Final[Mapping[str, Any]] = {
    "task_time_limit": 60,  # a stopped worker ends its tasks: under ECS's stopTimeout of 120, Fargate's maximum
    "task_soft_time_limit": 45,
    "visibility_seconds": 360,
    "back_off_seconds": {1: 10, 2: 60, 3: 300},  # receive count → hidden for; beyond: the visibility timeout
}
LOCAL: Final[Mapping[str, Any]] = {
    "task_time_limit": 14,
    "task_soft_time_limit": 13,
    "visibility_seconds": 15,
    "back_off_seconds": {1: 1, 2: 1, 3: 2, 4: 2, 5: 4},
}

_TRANSPORT_OPTIONS: Final = ("visibility_seconds", "back_off_seconds")

#: What every start of a worker adds: SQS carries no events and no remote control.
WORKER_FLAGS: Final = ("-O", "fair", "--without-gossip", "--without-mingle", "--without-heartbeat")

#: What each process of a worker loads beside its tasks.
PROCESS_MODULES: Final = ("apps.workers.logs", "apps.workers.ending")


def settings(
    profile: Mapping[str, Any],
    *,
    bindings: str = "apps.workers.sources:bindings",
    tenants: str = "apps.workers.sources:tenants",
    failures: str | None = "apps.workers.sources:note_failure",
    health_file: str | None = None,
) -> dict[str, Any]:
    """Return Celery's settings.

    Args:
        profile: AWS or LOCAL.
        bindings: Dotted path of ``(purpose) -> Bindings``.
        tenants: Dotted path of ``() -> the active tenants``.
        failures: Dotted path of ``(tenant, note) -> None``, which keeps why a delivery failed; None: nobody does.
        health_file: Where the event loop shows that it turns; None for nowhere.
    """
    limits = {name: value for name, value in profile.items() if name not in _TRANSPORT_OPTIONS}
    options = {
        "bindings": bindings,
        "tenants": tenants,
        "failures": failures,
        "health_file": health_file,
        **{name: profile[name] for name in _TRANSPORT_OPTIONS},
    }
    return {**_COMMON, **limits, "broker_transport_options": options}


_COMMON: Final[Mapping[str, Any]] = {
    "broker_url": "sqs://tenants",  # for the log only: each queue has its tenant's client and endpoint
    "broker_transport": "apps.workers.transport.channel:Transport",
    "broker_connection_retry_on_startup": True,
    "worker_consumer": "apps.workers.transport.consumer:SafeConsumer",
    "imports": (*PROCESS_MODULES, "apps.workers.starting", "apps.workers.tasks.definitions"),
    "task_queues": {"orders": {}, "images": {}},  # purposes; the transport knows the tenants' queues
    "task_create_missing_queues": False,
    "task_default_queue": "orders",
    # A message is deleted only after its task has ended well. Everything else is SQS's to redeliver, and to count.
    "task_acks_late": True,
    "task_acks_on_failure": False,
    "task_acks_on_timeout": False,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_max_memory_per_child": 400_000,  # KiB; an image is decoded in another process
    "task_serializer": "json",
    "accept_content": ("json",),
    "task_ignore_result": True,
    "result_backend": None,
    "task_send_sent_event": False,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "worker_eta_task_limit": 1,  # there are no ETA tasks: bodies cannot ask for one
}
