"""The platform as in production: engines for AWS, PostgreSQL, a load balancer, and tasks in two zones."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from apps.workers.health import is_alive
from deploy.local import services, summary
from deploy.local.brands import BRANDS, PLATFORM_ACCOUNT, PLATFORM_REGION
from deploy.local.engines.local import LocalEngines
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.local_tenants import LocalTenants, add_brands
from deploy.local.private_files import Demo, Secrets, load_secrets, save
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.provisioning.platform import USER_NAME, AccessKey, ensure_platform_key
from deploy.local.provisioning.templates import Template
from deploy.local.registration import complete_brands, save_logins
from deploy.local.services import ROOT, Addresses
from deploy.local.supervisor import ProcessSpec, Supervisor
from deploy.local.supervisor.ports import LOOPBACK, pick
from deploy.local.supervisor.probes import http_ready
from deploy.local.webhook_urls import save_endpoints
from tests.e2e.machine import queue_depths
from tests.e2e.processes import descendants_of
from tests.local.postgresql import PostgreSQL
from tests.rehearsal.balancer import Balancer
from tests.rehearsal.containers import Containers
from tests.rehearsal.task_definitions import TaskDefinition

REGISTRY: Final = "registry"
_MIGRATE_USER: Final = "resale-migrate"
_STATIC_BUCKET: Final = "resale-static"
_ROLES_TEMPLATE: Final = ROOT / "deploy" / "platform" / "task-roles.yaml"
_ONE_OFF_SECONDS: Final = 900  # static files go into a bucket of one busy machine
#: The services of production: name, role, and what is not the template's default. Workers have fewer processes here.
_SERVICES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "changes": ("changes", {}),
    "sweep": ("sweep", {}),
    "worker-orders": ("worker", {"QueueClass": "orders", "WorkerProcesses": "2"}),
    "worker-images": ("worker", {"QueueClass": "images", "WorkerProcesses": "1"}),
    "web": ("web", {"WebConcurrency": "1", "ListenerArn": "balancer", "LoadBalancerName": "app/rehearsal/1"}),
}


@dataclass(frozen=True)
class Task:
    """One task of a service."""

    name: str
    service: str
    zone: str
    release: str
    port: int


class Stage:
    """Everything that runs; a context manager. Django is set up with the local settings and the registry's URL."""

    def __init__(
        self, var: Path, registry: PostgreSQL, *, say: Callable[[str], None], containers: Containers | None = None
    ) -> None:
        self.var = var
        self.logs = var / "log"
        self._containers = containers
        self.release = "r1"
        self.tasks: list[Task] = []
        self.failures: list[str] = []
        self._registry, self._say = registry, say
        self._numbers = 0
        self._supervisor = Supervisor(log_dir=self.logs, say=lambda line: say(f"  {line}"))
        self._addresses: Addresses
        self._secrets: Secrets
        self._migrate_key: AccessKey
        self.demo: Demo
        self.balancer: Balancer

    # ------------------------------------------------------------ start
    def start(self) -> None:
        """Start what surrounds the platform, run the one-off task of its release, then two tasks of each service."""
        self._registry.create()
        self.start_registry()
        engines = LocalEngines(self.var, add_brands(AccountFiles(self.var)), supervisor=self._supervisor, say=self._say)
        engines.start()
        self._addresses = self._pick_addresses(engines)
        self._prepare_platform_account()
        self.migrate()
        self._onboard(engines)
        for spec in self._surroundings(engines):
            self._supervisor.start(spec)
        for service in _SERVICES:
            for zone in ("a", "b"):
                self.add_task(service, zone)

    def next_release(self) -> None:
        """Run the one-off task of the next release; tasks that are started from now on are of it."""
        self.release = f"r{int(self.release[1:]) + 1}"
        self.migrate()

    def migrate(self) -> None:
        """Run the one-off task of a release, with its own role. Raises CalledProcessError."""
        definition = self._definition("migrate")
        scratch = self._scratch("migrate")
        spec = self._as_container(
            ProcessSpec(
                name="migrate",
                argv=(str(ROOT / "docker" / "entrypoint"), *definition.command),
                env=self._environment(definition, scratch, key=self._migrate_key),
                cwd=ROOT,
            ),
            definition,
            scratch,
        )
        subprocess.run(
            spec.argv, cwd=ROOT, env=spec.env, stdout=subprocess.DEVNULL, timeout=_ONE_OFF_SECONDS, check=True
        )

    def queue_depths(self) -> dict[str, int]:
        """Count the messages of every queue, those in flight included, by name."""
        return queue_depths(self._addresses.aws_url)

    # ------------------------------------------------------------ tasks
    def of(self, service: str) -> list[Task]:
        """List the tasks of a service, oldest first."""
        return [task for task in self.tasks if task.service == service]

    def add_task(self, service: str, zone: str, *, group: str | None = None) -> Task:
        """Start a task of the present release, and return when it is healthy and gets work."""
        self._numbers += 1
        task = Task(f"{service}-{self._numbers}", service, zone, self.release, pick())
        began = time.monotonic()
        self._supervisor.start(self._spec(task))
        self.tasks.append(task)
        if self._containers and not self._containers.is_role(task.name, self._definition(service).role):
            self.failures.append(f"{task.name}: process 1 is {self._containers.first_process(task.name)}")
        if service == "web":
            self.balancer.register(task.name, task.port, group=group)
        self._say(f"  {task.name} ({task.release}) is healthy after {time.monotonic() - began:.1f} s")
        return task

    def remove_task(self, task: Task) -> None:
        """Stop a task as ECS does: out of the balancer, then SIGTERM. A task that SIGKILL has to end is a failure."""
        if task.service == "web":
            self.balancer.deregister(task.name)
        began = time.monotonic()
        self._supervisor.stop_one(task.name)
        seconds = time.monotonic() - began
        self.tasks.remove(task)
        self._say(f"  {task.name} ended {seconds:.1f} s after SIGTERM")
        if seconds >= self._definition(task.service).stop_seconds:
            self.failures.append(f"{task.name} did not stop by itself")

    def kill_tasks(self, tasks: list[Task]) -> None:
        """Kill tasks with all their processes at once, as a zone goes."""
        pids = [self._supervisor.pid(task.name) for task in tasks]
        for task, pid in zip(tasks, pids, strict=True):
            if self._containers:
                self._containers.kill(task.name)
            elif pid is not None:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
        for task in tasks:
            self.tasks.remove(task)

    def forget_killed(self, tasks: list[Task]) -> None:
        """Remove killed tasks, as ECS does once it knows that they have ended."""
        for task in tasks:
            if task.service == "web":
                self.balancer.deregister(task.name)
            self._supervisor.stop_one(task.name)

    def note_ended(self) -> None:
        """Record the tasks that have ended by themselves."""
        self.failures += [f"{task.name} has ended" for task in self.tasks if self._supervisor.pid(task.name) is None]

    # ------------------------------------------------------------ the registry
    def start_registry(self) -> None:
        """Start PostgreSQL."""
        self._supervisor.start(
            ProcessSpec(
                name=REGISTRY,
                argv=self._registry.command,
                env=self._registry.environment,
                cwd=self._registry.folder,
                ready=self._registry.is_up,
                ready_seconds=60.0,
                stop_signal=signal.SIGINT,  # without waiting for its clients
                stop_seconds=60.0,
            )
        )

    def stop_registry(self) -> None:
        """Stop PostgreSQL; its clients are disconnected."""
        self._supervisor.stop_one(REGISTRY)

    @contextmanager
    def frozen_registry(self) -> Iterator[None]:
        """Freeze PostgreSQL: it accepts connections and does not respond, as storage that stands still leaves it."""
        pid = self._supervisor.pid(REGISTRY)
        assert pid is not None
        processes = [process for process in descendants_of(os.getpid()) if process.pid == pid] + descendants_of(pid)
        for process in processes:
            process.freeze()
        try:
            yield
        finally:
            for process in processes:
                process.thaw()

    # ------------------------------------------------------------ parts
    def _pick_addresses(self, engines: LocalEngines) -> Addresses:
        return Addresses(
            web_port=pick(),
            issuer_port=pick(),
            payments_port=pick(),
            shipping_port=pick(),
            aws_url=engines.aws_endpoint_url,
            dynamodb_urls=engines.dynamodb_endpoints,
        )

    def _prepare_platform_account(self) -> None:
        """Make the bucket of static files, and a user with the rights of each task role of the template."""
        url = self._addresses.aws_url
        self._secrets = load_secrets(self.var / "secrets.json", tuple(brand.slug for brand in BRANDS))
        key = partial(ensure_platform_key, aws_url=url, account_id=PLATFORM_ACCOUNT, region=PLATFORM_REGION, known=None)
        self._secrets.platform_key = key()
        account = RootAccount(
            account_id=PLATFORM_ACCOUNT,
            region=PLATFORM_REGION,
            endpoints=Endpoints(aws_url=url, dynamodb_url=url),
        )
        account.s3.create_bucket(
            Bucket=_STATIC_BUCKET, CreateBucketConfiguration={"LocationConstraint": PLATFORM_REGION}
        )
        account.iam.create_user(UserName=_MIGRATE_USER)
        created = account.iam.create_access_key(UserName=_MIGRATE_USER)["AccessKey"]
        self._migrate_key = AccessKey(created["AccessKeyId"], created["SecretAccessKey"])
        for user, role in ((USER_NAME, "TaskRole"), (_MIGRATE_USER, "MigrateRole")):
            document = json.dumps(_policy(role))
            account.iam.put_user_policy(UserName=user, PolicyName="template", PolicyDocument=document)

    def _onboard(self, engines: LocalEngines) -> None:
        save_logins(self._secrets)
        LocalTenants(engines, self._addresses, self._secrets, say=self._say).onboard()
        complete_brands(self._secrets)
        save(self.var / "secrets.json", self._secrets)
        save_endpoints(self.var, self._secrets, base_url=self._addresses.base_url)
        self.demo = summary.describe(self._addresses, self._secrets, issuers=self.var / "issuers")

    def _surroundings(self, engines: LocalEngines) -> list[ProcessSpec]:
        """Describe what is not ours in production: the Pipes, the partners and the load balancer."""
        check = self._definition("web").health_check()
        self.balancer = Balancer(self.var / "balancer", port=self._addresses.web_port, check=check)
        relay = services.relay(
            self._addresses,
            self._secrets,
            databases=engines.dynamodb_file(BRANDS[0].account_id).parent,
            checkpoints=self.var / "relay",
            generation=engines.ministack_files.generation,
        )
        return [relay, *services.partners(self._addresses, self.var), self.balancer.spec]

    def _definition(self, service: str) -> TaskDefinition:
        role, own = _SERVICES.get(service, (service, {}))
        registry = urlsplit(self._registry.url)  # its user and password come from a secret of their own
        return TaskDefinition(
            service,
            role,
            {
                "AllowedHosts": f"{LOOPBACK},localhost",
                "DatabaseUrl": registry._replace(netloc=registry.netloc.rpartition("@")[2]).geturl(),
                "StaticBucket": _STATIC_BUCKET,
                "EmailFrom": "resale@platform.example",
                "PaymentsUrl": self._addresses.payments_url,
                "ShippingUrl": self._addresses.shipping_url,
                "WebProcesses": "2",
                "Release": self.release,
                **own,
            },
        )

    def _spec(self, task: Task) -> ProcessSpec:
        definition, scratch = self._definition(task.service), self._scratch(task.name)
        env = self._environment(definition, scratch, key=self._secrets.platform_key)
        if task.service == "web":
            env |= {"BIND_HOST": LOOPBACK, "PORT": str(task.port)}
            ready = http_ready(task.port, definition.health_check().path)
        else:
            ready = partial(_beats, Path(env["RESALE_HEALTH_FILE"]))
        spec = ProcessSpec(
            name=task.name,
            argv=(str(ROOT / "docker" / "entrypoint"), *definition.command),
            env=env,
            cwd=ROOT,
            ports=(task.port,) if task.service == "web" else (),
            ready=ready,
            ready_seconds=definition.start_seconds,
            stop_seconds=definition.stop_seconds,
            restart="never",
        )
        return self._as_container(spec, definition, scratch)

    def _as_container(self, spec: ProcessSpec, definition: TaskDefinition, scratch: Path) -> ProcessSpec:
        return spec if self._containers is None else self._containers.spec(spec, definition.container, scratch=scratch)

    def _environment(self, definition: TaskDefinition, scratch: Path, *, key: AccessKey | None) -> dict[str, str]:
        """Return what the task definition gives, and what stands for AWS: its endpoints and the role's credentials."""
        assert key is not None
        registry = urlsplit(self._registry.url)
        secret = {
            "DJANGO_SECRET_KEY": self._secrets.django_secret_key,
            "username": registry.username or "",
            "password": registry.password or "",
            "RESALE_LOOKUP_SECRET": self._secrets.lookup_secret,
            "RESALE_CURSOR_SECRET": self._secrets.cursor_secret,
        }
        return {
            **definition.environment(secret, scratch=scratch),
            "DJANGO_SETTINGS_MODULE": "tests.rehearsal.settings",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "HOME": os.devnull,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self._addresses.aws_url,
            "RESALE_DYNAMODB_ENDPOINTS": json.dumps(dict(self._addresses.dynamodb_urls)),
        }

    def _scratch(self, name: str) -> Path:
        folder = self.var / "scratch" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        workers = [task.name for task in self.tasks]
        self._supervisor.stop_together([name for name in self._supervisor.names() if name in workers])
        self._supervisor.stop()
        self._registry.remove()


def _beats(health_file: Path) -> bool:
    return is_alive(health_file, now=time.time())


def _policy(role: str) -> dict[str, Any]:
    """Return the statements of a role in ``task-roles.yaml``; reaching tenants has a policy of its own here."""
    template = Template.read(
        _ROLES_TEMPLATE,
        account_id=PLATFORM_ACCOUNT,
        region=PLATFORM_REGION,
        parameters={
            "OrganizationId": "o-rehearsal0",
            "CredentialsArn": f"arn:aws:secretsmanager:{PLATFORM_REGION}:{PLATFORM_ACCOUNT}:secret:rehearsal",
            "DatabaseCredentialsArn": f"arn:aws:secretsmanager:{PLATFORM_REGION}:{PLATFORM_ACCOUNT}:secret:registry",
            "StaticBucket": _STATIC_BUCKET,
            "EmailIdentity": "platform.example",
        },
    )
    (policy,) = template.properties(role)["Policies"]
    document: dict[str, Any] = policy["PolicyDocument"]
    document["Statement"] = [each for each in document["Statement"] if each["Sid"] != "ReachTenants"]
    return document
