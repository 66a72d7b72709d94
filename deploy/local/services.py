"""The processes of the platform on this machine, each started by the image's entrypoint in its role."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings

from deploy.local.private_files import Secrets
from deploy.local.supervisor import ProcessSpec
from deploy.local.supervisor.ports import LOOPBACK
from deploy.local.supervisor.probes import http_ready, tcp_ready
from deploy.local.webhook_urls import webhooks_file
from resale.domain.partners import PartnerKind

ROOT: Final = Path(__file__).resolve().parents[2]
_ENTRYPOINT: Final = str(ROOT / "docker" / "entrypoint")
RELAY: Final = "relay"
_READY_SECONDS: Final = 30.0  # a cold start imports from a cold disk
_STOP_SECONDS: Final = 10.0
_WORKER_STOP_SECONDS: Final = 20.0  # a worker ends its tasks, which have 14 s here


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of all processes."""

    web_port: int
    issuer_port: int
    payments_port: int
    shipping_port: int
    aws_url: str
    dynamodb_urls: Mapping[str, str]

    @property
    def base_url(self) -> str:
        """URL of the API."""
        return f"http://{LOOPBACK}:{self.web_port}"

    @property
    def admin_url(self) -> str:
        """URL of the admin, by a name: browsers have no security keys for an address."""
        return f"http://localhost:{self.web_port}"

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins that can call the API and post photos from a browser."""
        return (self.base_url, self.admin_url)

    @property
    def issuer_url(self) -> str:
        """URL of the issuers of all brands."""
        return f"http://{LOOPBACK}:{self.issuer_port}"

    @property
    def payments_url(self) -> str:
        """URL of the sandbox payment provider."""
        return f"http://{LOOPBACK}:{self.payments_port}"

    @property
    def shipping_url(self) -> str:
        """URL of the sandbox carrier."""
        return f"http://{LOOPBACK}:{self.shipping_port}"


def partners(addresses: Addresses, var: Path) -> tuple[ProcessSpec, ...]:
    """Describe the processes of partners: the issuers, the payment provider and the carrier."""
    return (
        _process(
            "issuer",
            (sys.executable, "-m", "deploy.local.issuer", str(var / "issuers"), str(addresses.issuer_port)),
            env=_bare_environment(),
            port=addresses.issuer_port,
        ),
        _process(
            "payments",
            _command(
                *("sandbox_payments", "--port", addresses.payments_port),
                *("--data", var / "payments" / "books.sqlite"),
                *("--webhooks", webhooks_file(var, PartnerKind.PAYMENTS)),
            ),
            env=_bare_environment(),
            port=addresses.payments_port,
        ),
        _process(
            "shipping",
            _command(
                *("sandbox_shipping", "--port", addresses.shipping_port),
                *("--data", var / "shipping" / "books.sqlite"),
                *("--webhooks", webhooks_file(var, PartnerKind.SHIPPING)),
            ),
            env=_bare_environment(),
            port=addresses.shipping_port,
        ),
    )


def workers(addresses: Addresses, secrets: Secrets) -> tuple[ProcessSpec, ...]:
    """Describe the roles that process queues and due items."""
    env = environment(addresses, secrets)
    return (
        _process("changes", (_ENTRYPOINT, "changes", "--wait-seconds", "5"), env=env),
        _process("orders", _worker("orders", children=2), env=env, stop_seconds=_WORKER_STOP_SECONDS),
        _process("images", _worker("images", children=1), env=env, stop_seconds=_WORKER_STOP_SECONDS),
        _process("sweep", (_ENTRYPOINT, "sweep"), env=env),
    )


def web(addresses: Addresses, secrets: Secrets) -> ProcessSpec:
    """Describe the web role; it reports when it is ready."""
    return ProcessSpec(
        name="web",
        argv=(_ENTRYPOINT, "web"),
        env={**environment(addresses, secrets), "BIND_HOST": LOOPBACK, "PORT": str(addresses.web_port)},
        cwd=ROOT,
        ports=(addresses.web_port,),
        ready=http_ready(addresses.web_port, "/readyz"),
        ready_seconds=_READY_SECONDS,
    )


def relay(
    addresses: Addresses, secrets: Secrets, *, databases: Path, checkpoints: Path, generation: Path
) -> ProcessSpec:
    """Describe the relay, which replaces the Pipes."""
    argv = _command("relay", "--databases", databases, "--checkpoints", checkpoints, "--generation-file", generation)
    return _process(RELAY, argv, env=environment(addresses, secrets))


def _worker(queue: str, *, children: int) -> tuple[str, ...]:
    return (_ENTRYPOINT, "worker", "-Q", queue, "-P", "prefork", "-c", str(children), "-l", "INFO", "-n", queue)


def _command(*arguments: object) -> tuple[str, ...]:
    return (sys.executable, str(ROOT / "manage.py"), *map(str, arguments))


def _process(
    name: str,
    argv: tuple[str, ...],
    *,
    env: Mapping[str, str],
    port: int | None = None,
    stop_seconds: float = _STOP_SECONDS,
) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        argv=argv,
        env=env,
        cwd=ROOT,
        ports=() if port is None else (port,),
        ready=None if port is None else tcp_ready(port),
        ready_seconds=_READY_SECONDS,
        stop_seconds=stop_seconds,
    )


def _bare_environment() -> dict[str, str]:
    """Return the minimal environment of a process, without the developer's own variables such as an AWS profile."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {
        "PATH": path,
        "LANG": "C.UTF-8",
        "HOME": os.devnull,
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "RESALE_VAR_DIR": str(settings.VAR_DIR),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def environment(addresses: Addresses, secrets: Secrets) -> dict[str, str]:
    """Return the environment of the platform's processes, and of commands beside them."""
    key = secrets.platform_key
    if key is None:
        raise RuntimeError("the accounts are provisioned before the platform starts")
    database = os.environ.get("DATABASE_URL")
    return {
        **_bare_environment(),
        "DJANGO_SECRET_KEY": secrets.django_secret_key,
        "RESALE_LOOKUP_SECRET": secrets.lookup_secret,
        "RESALE_CURSOR_SECRET": secrets.cursor_secret,
        "RESALE_DYNAMODB_ENDPOINTS": msgspec.json.encode(addresses.dynamodb_urls).decode(),
        "RESALE_GUARD_DIR": str(settings.VAR_DIR / "guards"),
        "RESALE_ADMIN_URL": addresses.admin_url,
        "RESALE_PAYMENTS_URL": addresses.payments_url,
        "RESALE_SHIPPING_URL": addresses.shipping_url,
        "AWS_ENDPOINT_URL": addresses.aws_url,
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        **({} if database is None else {"DATABASE_URL": database}),
    }
