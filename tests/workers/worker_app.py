"""The Celery app that the tests' worker processes run: the real settings, transport, consumer and task base, tasks
that leave a mark, and tenants read from a file that a test rewrites."""

import json
import os
import signal
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from botocore.session import Session
from celery import Celery
from celery.exceptions import Reject

from apps.core.metering import USAGE, Key
from apps.workers.tasks.base import TenantTask
from apps.workers.transport.bindings import Bindings, Purpose
from config import celery_settings
from resale.adapters.aws.credentials import RoleCredentials
from resale.adapters.aws.sessions import TenantSessions
from resale.domain.dead_letters import FailureNote
from resale.domain.tenants import Tenant
from resale.domain.usage import Meter
from resale.errors import Rejected, Unavailable
from resale.settings import Settings
from tests.workers.plan import HERE, notes_file, read_marks, read_plan, usage_file


def tenants() -> list[Tenant]:
    return read_plan().tenants


class ProxiedSession:
    """The real session of a tenant, but with its SQS at an address of the test's (a fault proxy's)."""

    def __init__(self, tenant: Tenant) -> None:
        self._session = _sessions().for_tenant(tenant)
        self.credentials = self._session.credentials
        self.remaining_seconds = self._session.remaining_seconds
        self.expire = self._session.expire

    def client(self, service: str) -> Any:
        tenant = self._session.tenant
        session = Session()
        session.register_component("credential_provider", self)
        return session.create_client(service, tenant.region, endpoint_url=read_plan().endpoints[tenant.slug])

    def load_credentials(self) -> RoleCredentials:
        """Give botocore the session's own credentials (its credential provider's interface)."""
        return self._session._credentials


@cache
def _sessions() -> TenantSessions:
    plan = read_plan()
    return TenantSessions(
        Settings(
            access_key_id=plan.access_key_id,
            secret_access_key=plan.secret_access_key,
            lookup_secret=b"-",
            cursor_secret=b"-",
        )
    )


def bindings(purpose: Purpose) -> Bindings:
    return Bindings(purpose, tenants=tenants, session_for=ProxiedSession, refresh_seconds=0.3)


def settings() -> dict[str, Any]:
    plan = read_plan()
    local = celery_settings.settings(
        celery_settings.LOCAL,
        bindings=f"{HERE}:bindings",
        tenants=f"{HERE}:tenants",
        failures=f"{HERE}:keep_note",
        health_file=plan.health_file,
    )
    options = {**local["broker_transport_options"], "wait_time_seconds": 2, "call_time_seconds": 2, **plan.options}
    return {**local, "imports": celery_settings.PROCESS_MODULES, **plan.settings, "broker_transport_options": options}


def keep_note(tenant: Tenant, note: FailureNote) -> None:
    """Keep a note where the test reads it; a single write of O_APPEND, so processes do not mix theirs."""
    with notes_file(Path(read_plan().marks_file)).open("ab", buffering=0) as file:
        file.write(msgspec.json.encode({"tenant": tenant.slug, **msgspec.to_builtins(note)}) + b"\n")


def lose_note(tenant: Tenant, note: FailureNote) -> None:
    """Stand for a store that is down."""
    raise Unavailable(f"planted for {tenant.slug} {note.message_id}")


def save_usage(counts: Mapping[Key, float]) -> None:
    """Stand for the registry: one line for each count, with the process that saved it."""
    with usage_file(Path(read_plan().marks_file)).open("ab", buffering=0) as file:
        for (tenant_id, _, meter), quantity in counts.items():
            line = {"tenant": tenant_id, "meter": meter, "quantity": quantity, "pid": os.getpid()}
            file.write(json.dumps(line).encode() + b"\n")


USAGE.save_with(save_usage, every_seconds=3600)  # so that only the end of a process saves within a test
app = Celery("worker_app")
app.add_defaults(settings)


def mark(task: TenantTask, event: str = "ran", **fields: Any) -> None:
    """Append one line; a single write of O_APPEND, so processes do not mix theirs."""
    line: dict[str, Any] = {"event": event, "task": task.name, "id": task.request.id, "tenant": task.tenant.slug}
    line |= {
        "queue": task.queue_name,
        "receive_count": task.receive_count,
        "pid": os.getpid(),
        "at": time.time(),
        **fields,
    }
    with Path(read_plan().marks_file).open("ab", buffering=0) as file:
        file.write(json.dumps(line).encode() + b"\n")


@app.task(base=TenantTask, bind=True, name="test.note")
def note(self: TenantTask, *, word: str = "") -> None:
    mark(self, word=word)


@app.task(base=TenantTask, bind=True, name="test.slow")
def slow(self: TenantTask, *, seconds: str) -> None:
    mark(self, "began")
    time.sleep(float(seconds))  # the work
    mark(self, "ended")


@app.task(base=TenantTask, bind=True, name="test.count")
def count(self: TenantTask, *, seconds: str) -> None:
    USAGE.add(self.tenant.id, Meter.IMAGE_SECONDS, 2.5)
    mark(self)
    time.sleep(float(seconds))  # the work


@app.task(base=TenantTask, bind=True, name="test.fail")
def fail(self: TenantTask) -> None:
    mark(self)
    raise ValueError("planted")


@app.task(base=TenantTask, bind=True, name="test.unavailable_once")
def unavailable_once(self: TenantTask) -> None:
    tried = any(line["id"] == self.request.id for line in read_marks(Path(read_plan().marks_file)))
    mark(self)
    if not tried:
        raise Unavailable("planted")


@app.task(base=TenantTask, bind=True, name="test.rejected")
def rejected(self: TenantTask, *, order_id: str = "") -> None:
    mark(self, order=order_id)
    raise Rejected("planted")


@app.task(base=TenantTask, bind=True, name="test.refuse")
def refuse(self: TenantTask) -> None:
    mark(self)
    raise Reject("planted", requeue=False)


@app.task(base=TenantTask, bind=True, name="test.kill_child")
def kill_child(self: TenantTask) -> None:
    mark(self)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(base=TenantTask, bind=True, name="test.out_of_memory")
def out_of_memory(self: TenantTask) -> None:
    mark(self)
    raise MemoryError


@app.task(base=TenantTask, bind=True, name="test.retry")
def retry(self: TenantTask) -> None:
    mark(self)
    raise self.retry(countdown=0)


@app.task(base=TenantTask, bind=True, name="images.process_upload")
def process_upload(self: TenantTask, *, event: dict[str, Any]) -> None:
    mark(self, got=event)
