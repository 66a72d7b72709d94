"""The Celery app that the tests' worker processes run: the real settings, transport, consumer and task base, tasks
that leave a mark, and tenants read from a file that a test rewrites."""

import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.session import Session
from celery import Celery
from celery.exceptions import Reject

from apps.workers.base import TenantTask
from apps.workers.bindings import Bindings, Purpose
from config import celery_settings
from resale.domain.tenants import Tenant
from resale.errors import Rejected, Unavailable

PLAN_VARIABLE = "WORKER_TEST_PLAN"
HERE = "tests.workers.worker_app"


class Plan(msgspec.Struct, kw_only=True):
    """What a test tells its worker; rewritten while the worker runs, for ``tenants``."""

    tenants: list[Tenant]
    endpoints: dict[str, str]  # slug → where its SQS answers
    sts_url: str
    access_key_id: str
    secret_access_key: str
    marks_file: str
    health_file: str
    settings: dict[str, Any]  # over the local profile's
    options: dict[str, Any]  # over the transport's


def read_plan() -> Plan:
    return msgspec.json.decode(Path(os.environ[PLAN_VARIABLE]).read_bytes(), type=Plan)


def tenants() -> list[Tenant]:
    return read_plan().tenants


class AssumedSession:
    """A session in a tenant's account, assumed through the real STS; its SQS may lie behind a fault proxy."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._plan = read_plan()
        self._session = Session()
        self._credentials = RefreshableCredentials.create_from_metadata(self._assume(), self._assume, "assume-role")
        self._session._credentials = self._credentials  # type: ignore[attr-defined]  # botocore has no public way

    def credentials(self) -> Any:
        return self._credentials.get_frozen_credentials()

    def expire(self) -> None:
        self._credentials._expiry_time = datetime.now(UTC)  # type: ignore[attr-defined]  # same

    def client(self, service: str) -> Any:
        endpoint = self._plan.endpoints[self._tenant.slug]
        config = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
        return self._session.create_client(service, self._tenant.region, endpoint_url=endpoint, config=config)

    def _assume(self) -> dict[str, str]:
        sts: Any = Session().create_client(
            "sts",
            self._tenant.region,
            endpoint_url=self._plan.sts_url,
            aws_access_key_id=self._plan.access_key_id,
            aws_secret_access_key=self._plan.secret_access_key,
        )
        role = self._tenant.resources.access_role_arn
        found = sts.assume_role(RoleArn=role, RoleSessionName="worker", ExternalId=self._tenant.external_id)
        keys = found["Credentials"]
        return {
            "access_key": keys["AccessKeyId"],
            "secret_key": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
            "expiry_time": keys["Expiration"].isoformat(),
        }


def bindings(purpose: Purpose) -> Bindings:
    return Bindings(purpose, tenants=tenants, session_for=AssumedSession, refresh_seconds=0.3)


def _settings() -> dict[str, Any]:
    plan = read_plan()
    local = celery_settings.settings(
        celery_settings.LOCAL, bindings=f"{HERE}:bindings", tenants=f"{HERE}:tenants", health_file=plan.health_file
    )
    options = {**local["broker_transport_options"], "wait_time_seconds": 2, "call_time_seconds": 2, **plan.options}
    return {**local, "imports": ("apps.workers.logs",), **plan.settings, "broker_transport_options": options}


app = Celery("worker_app")
app.add_defaults(_settings)


def mark(task: TenantTask, event: str = "ran", **fields: Any) -> None:
    """Append one line; a single write of O_APPEND, so processes do not mix theirs."""
    line: dict[str, Any] = {"event": event, "task": task.name, "id": task.request.id, "tenant": task.tenant.slug}
    line |= {"queue": task.queue_name, "pid": os.getpid(), "at": time.time(), **fields}
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
def rejected(self: TenantTask) -> None:
    mark(self)
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


def read_marks(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]
