"""Tenants with real queues in a real ministack, and real worker processes on them."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import boto3
import msgspec

from apps.workers.messages import envelope
from config.celery_settings import WORKER_FLAGS
from deploy.local.engines.local import LocalEngines
from resale.domain.ids import TenantId
from resale.domain.tenants import Queue, Queues, Resources, Tables, Tenant, TenantStatus
from tests.workers.plan import PLAN_VARIABLE, Plan, notes_file, read_marks

ROOT = Path(__file__).resolve().parents[2]
PLATFORM = "000000000001"
ROLE = "resale-tenant-access-lab"
EXTERNAL_ID = "xid-of-the-tests"
ACCOUNT_A, ACCOUNT_B = "111111111111", "222222222222"
REGIONS = {ACCOUNT_A: "eu-west-2", ACCOUNT_B: "us-east-1"}

VISIBILITY_SECONDS = 4
RECEIVE_COUNT = 2


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    """Poll a condition until it is truthy; the failure names what never came."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return value


class Lab:
    """One ministack, two accounts with the tenants' role, and as many tenants in them as a test wants."""

    def __init__(self, engines: LocalEngines) -> None:
        self.engines = engines
        self.url = engines.aws_endpoint_url
        self._dead_letters: dict[str, list[str]] = {}
        self.access_key_id, self.secret_access_key = self._platform_user()
        for account in REGIONS:
            self._role(account)

    def root(self, service: str, account: str, region: str | None = None) -> Any:
        """Return a client that may do anything in an account: for arranging and looking, as the operator would."""
        return boto3.client(  # type: ignore[call-overload]  # any service
            service,
            region_name=region or REGIONS.get(account, "eu-west-2"),
            endpoint_url=self.url,
            aws_access_key_id=account,
            aws_secret_access_key="unchecked",
        )

    def tenant(
        self, account: str, *, receive_count: int = RECEIVE_COUNT, visibility: int = VISIBILITY_SECONDS
    ) -> Tenant:
        """Make a tenant with queues of its own; its slug is new, so tests do not meet."""
        slug = f"t{uuid.uuid4().hex[:8]}"
        tenant = _tenant(slug, account, self.url)
        for queue in (tenant.resources.queues.orders, tenant.resources.queues.images):
            self.make_queue(tenant, queue, receive_count=receive_count, visibility=visibility)
        return tenant

    def make_queue(
        self, tenant: Tenant, queue: Queue, *, receive_count: int = RECEIVE_COUNT, visibility: int = VISIBILITY_SECONDS
    ) -> None:
        """Make one queue and its dead-letter queue (which may be there)."""
        sqs = self.root("sqs", tenant.account_id)
        sqs.create_queue(QueueName=f"{queue.name}-dlq")
        arn = f"arn:aws:sqs:{tenant.region}:{tenant.account_id}:{queue.name}-dlq"
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(receive_count)})
        made = sqs.create_queue(
            QueueName=queue.name, Attributes={"VisibilityTimeout": str(visibility), "RedrivePolicy": redrive}
        )
        assert made["QueueUrl"] == queue.url

    def delete_queue(self, tenant: Tenant) -> None:
        self.root("sqs", tenant.account_id).delete_queue(QueueUrl=tenant.resources.queues.orders.url)

    def send(self, tenant: Tenant, task: str, *, to: str = "orders", **ids: str) -> str:
        """Send a task's envelope; returns the task's id."""
        task_id = uuid.uuid4().hex
        self.send_raw(tenant, envelope(task, ids, task_id), to=to)
        return task_id

    def send_raw(self, tenant: Tenant, body: str, *, to: str = "orders") -> str:
        """Send a body as it is; returns SQS's message id."""
        queue: Queue = getattr(tenant.resources.queues, to)
        sent = self.root("sqs", tenant.account_id).send_message(QueueUrl=queue.url, MessageBody=body)
        return str(sent["MessageId"])

    def counts(self, tenant: Tenant) -> tuple[int, int]:
        """Return how many messages the orders queue holds: visible and hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = tenant.resources.queues.orders.url
        sqs = self.root("sqs", tenant.account_id)
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def dead_letters(self, tenant: Tenant) -> list[str]:
        """Return all bodies that came to the orders queue's dead-letter queue, which is emptied."""
        sqs = self.root("sqs", tenant.account_id)
        url = tenant.resources.queues.orders.dlq_url
        bodies = self._dead_letters.setdefault(url, [])
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    @contextmanager
    def denying(self, tenant: Tenant, action: str) -> Iterator[None]:
        """Take an action on the tenant's queues away from the role."""
        iam = self.root("iam", tenant.account_id)
        resource = f"arn:aws:sqs:{tenant.region}:{tenant.account_id}:{tenant.slug}-*"
        name = f"deny-{tenant.slug}"
        statement = {"Effect": "Deny", "Action": action, "Resource": resource}
        iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=_policy(statement))
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=ROLE, PolicyName=name)

    def _platform_user(self) -> tuple[str, str]:
        iam = self.root("iam", PLATFORM)
        iam.create_user(UserName="resale-task")
        allowed = {
            "Effect": "Allow",
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Resource": f"arn:aws:iam::*:role/{ROLE}",
        }
        iam.put_user_policy(UserName="resale-task", PolicyName="assume", PolicyDocument=_policy(allowed))
        key = iam.create_access_key(UserName="resale-task")["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def _role(self, account: str) -> None:
        iam = self.root("iam", account)
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{PLATFORM}:user/resale-task"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
        }
        tagging = {"Effect": "Allow", "Principal": trust["Principal"], "Action": "sts:TagSession"}
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy(trust, tagging))
        allowed = {
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage*", "sqs:ChangeMessageVisibility*"],
            "Resource": f"arn:aws:sqs:{REGIONS[account]}:{account}:*",
        }
        iam.put_role_policy(RoleName=ROLE, PolicyName="queues", PolicyDocument=_policy(allowed))


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _tenant(slug: str, account: str, url: str) -> Tenant:
    def queue(purpose: str) -> Queue:
        name = f"{slug}-{purpose}"
        return Queue(name, f"{url}/{account}/{name}", f"{url}/{account}/{name}-dlq")

    resources = Resources(
        tables=Tables(*(f"{slug}-{table}" for table in Tables.__struct_fields__)),
        queues=Queues(queue("changes"), queue("orders"), queue("images")),
        media_bucket=f"{slug}-media-{account}",
        audit_bucket=f"{slug}-audit-{account}",
        topic_arn=f"arn:aws:sns:{REGIONS[account]}:{account}:{slug}-events",
        key_arn=f"arn:aws:kms:{REGIONS[account]}:{account}:alias/{slug}",
        access_role_arn=f"arn:aws:iam::{account}:role/{ROLE}",
        media_base_url=url,
        index_shards=2,
    )
    return Tenant(
        id=TenantId(f"ten_{slug}"),
        slug=slug,
        name=slug,
        account_id=account,
        region=REGIONS[account],
        tier="standard",
        status=TenantStatus.ACTIVE,
        sandbox=True,
        currency="GBP",
        market="GB",
        locale="en-GB",
        commission_basis_points=1000,
        oidc_issuer="https://issuer.example",
        oidc_audience="shop",
        allowed_origins=(),
        external_id=EXTERNAL_ID,
        resources=resources,
    )


class Platform(Protocol):
    """What a worker must know of the engines it runs on."""

    @property
    def url(self) -> str: ...

    @property
    def access_key_id(self) -> str: ...

    @property
    def secret_access_key(self) -> str: ...


class Worker:
    """One worker process and what it left: marks of its tasks, its log, its health file."""

    def __init__(self, lab: Platform, folder: Path, tenants: Sequence[Tenant], **settings: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.url = lab.url
        self.plan = Plan(
            tenants=[],
            endpoints={},
            access_key_id=lab.access_key_id,
            secret_access_key=lab.secret_access_key,
            marks_file=str(folder / "marks.jsonl"),
            health_file=str(folder / "health.json"),
            settings=settings,
            options={},
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.serve(*tenants)

    def serve(self, *tenants: Tenant) -> None:
        """Have the plan name these tenants, from now on."""
        self.plan.tenants = list(tenants)
        for tenant in tenants:
            self.plan.endpoints.setdefault(tenant.slug, self.url)
        self._write_plan()

    def start(
        self,
        *,
        app: str = "worker_app",
        purposes: str = "orders",
        pool: str = "prefork",
        concurrency: int = 2,
        **variables: str,
    ) -> None:
        """Start and return when every queue is polled."""
        command = [sys.executable, "-m", "celery", "--quiet", "-A", f"tests.workers.{app}", "worker", "-l", "INFO"]
        command += ["-Q", purposes, "-P", pool, "-c", str(concurrency), *WORKER_FLAGS]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DJANGO_"))}
        environment = {
            **inherited,
            "AWS_ENDPOINT_URL": self.url,
            PLAN_VARIABLE: str(self.folder / "plan.json"),
            **variables,
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        names = {tenant.resources.queues.orders.name for tenant in self.plan.tenants} if "orders" in purposes else set()
        wait_until(lambda: self.failed() or names <= self.polled(), f"{names} polled")
        assert not self.failed(), self.log()

    def failed(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def polled(self) -> set[str]:
        """Return the queues that the log says are polled now."""
        names: set[str] = set()
        for line in self.log().splitlines():
            message = json.loads(line)["message"] if line.startswith("{") else ""
            match message.split():
                case ["queue", name, "is", "polled"]:
                    names.add(name)
                case ["queue", name, "is", "no", "longer", "polled"]:
                    names.discard(name)
        return names

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def health(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(Path(self.plan.health_file).read_text())
        return value

    def marks(self, task_id: str | None = None, event: str | None = None) -> list[dict[str, Any]]:
        return [
            line
            for line in read_marks(Path(self.plan.marks_file))
            if task_id in (None, line["id"]) and event in (None, line["event"])
        ]

    def ran(self, task_id: str, seconds: float = 15.0) -> dict[str, Any]:
        """Wait for a task to have run."""
        found: list[dict[str, Any]] = wait_until(lambda: self.marks(task_id), f"task {task_id} run", seconds)
        return found[0]

    def notes(self, message_id: str) -> list[dict[str, Any]]:
        """Return why a message's deliveries did not succeed, as noted, one after the other."""
        notes = read_marks(notes_file(Path(self.plan.marks_file)))
        return [note for note in notes if note["message_id"] == message_id]

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL the worker and its children."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def _write_plan(self) -> None:
        draft = self.folder / "plan.draft"
        draft.write_bytes(msgspec.json.encode(self.plan))
        draft.replace(self.folder / "plan.json")
