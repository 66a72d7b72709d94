"""The measured processes, independent of ``make run``: engines, token issuer, the web role and the naive server."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from django.conf import settings

from config.settings.environment import resale_settings
from deploy.local import services
from deploy.local.brands import BRANDS, NORTHWIND, Brand
from deploy.local.engines.local import LocalEngines
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.private_files import Secrets, load_secrets
from deploy.local.supervisor import ProcessSpec, Supervisor
from deploy.local.supervisor.ports import LOOPBACK, pick
from deploy.local.supervisor.probes import tcp_ready

BRAND: Final[Brand] = NORTHWIND
NAIVE_TABLE: Final = "naive-listings"
WORKER_COUNT: Final = 2
SERVERS: Final = ("web", "naive", "empty")
WORKER: Final = "orders"
IMAGES_WORKER: Final = "images"


def prepare_environment(folder: Path) -> None:
    """Make Django store everything in ``folder``, before its setup, without the developer's own environment."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "RESALE_"))]:
        del os.environ[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.local"
    os.environ["RESALE_VAR_DIR"] = str(folder)
    os.environ["RESALE_LOG_LEVEL"] = "WARNING"  # of this process; the servers write their line a request as ever
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'registry.sqlite'}"


class Stack:
    """All processes in one temporary folder; a context manager. Django is set up with ``prepare_environment``."""

    def __init__(self, folder: Path, *, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.issuers = folder / "issuers"
        self._say = say
        self._supervisor = Supervisor(log_dir=folder / "log", say=say)
        self.ports = {name: pick() for name in SERVERS}
        self.addresses: services.Addresses
        self.secrets: Secrets

    @property
    def dynamodb_url(self) -> str:
        """DynamoDB URL of the measured brand."""
        return self.addresses.dynamodb_urls[BRAND.account_id]

    def start_data(self) -> None:
        """Start the engines and the issuer, onboard the brands, and set the platform's settings in this process."""
        # Imported here: models load only once Django is set up.
        from deploy.local.onboarding.local_tenants import LocalTenants, add_brands  # noqa: PLC0415
        from deploy.local.registration import complete_brands, migrate, save_logins  # noqa: PLC0415

        accounts = add_brands(AccountFiles(self.folder))
        engines = LocalEngines(self.folder, accounts, supervisor=self._supervisor, say=self._say)
        engines.start()
        self.addresses = services.Addresses(
            web_port=self.ports["web"],
            issuer_port=pick(),
            payments_port=pick(),
            shipping_port=pick(),
            aws_url=engines.aws_endpoint_url,
            dynamodb_urls=engines.dynamodb_endpoints,
        )
        self.secrets = load_secrets(self.folder / "secrets.json", tuple(brand.slug for brand in BRANDS))
        migrate(self.folder)
        save_logins(self.secrets)
        LocalTenants(engines, self.addresses, self.secrets, say=lambda _: None).onboard()
        complete_brands(self.secrets)
        self._start_partner("issuer")
        env = self._web().env
        os.environ.update(env)
        settings.RESALE = resale_settings(
            lookup_secret=env["RESALE_LOOKUP_SECRET"], cursor_secret=env["RESALE_CURSOR_SECRET"]
        )

    def start_web(self) -> None:
        """Start the web role like the image, and the naive and the empty server with the same settings."""
        self.start_our_web()
        naive = {
            "DJANGO_SETTINGS_MODULE": "bench.naive.settings",
            "NAIVE_DYNAMODB_URL": self.dynamodb_url,
            "NAIVE_TABLE": NAIVE_TABLE,
        }
        self._supervisor.start(self._plain("naive", "bench.naive.wsgi", naive))
        self.start_empty_web()

    def start_empty_web(self) -> None:
        """Start the server of empty responses."""
        self._supervisor.start(self._plain("empty", "bench.naive.empty", {}))

    def start_our_web(self) -> None:
        """Start the web role like the image."""
        self._supervisor.start(self._web())

    def start_worker(self) -> int:
        """Start the orders worker like the image, and its partners; return the id of its main process."""
        self._start_partner("payments")
        self._start_partner("shipping")
        self._supervisor.start(self._worker(WORKER))
        return self.pid(WORKER)

    def start_images_worker(self, *, child_count: int, tenant: str = "") -> int:
        """Start the images worker like the image, for all tenants or for one; return the id of its main process."""
        spec = self._worker(IMAGES_WORKER)
        position = spec.argv.index("-c") + 1
        argv = (*spec.argv[:position], str(child_count), *spec.argv[position + 1 :])
        name = _images_worker_of(tenant)
        self._supervisor.start(replace(spec, name=name, argv=argv, env={**spec.env, "RESALE_TENANTS": tenant}))
        return self.pid(name)

    def stop_images_worker(self, *, tenant: str = "") -> None:
        """Stop the images worker of all tenants, or of one."""
        self._supervisor.stop_one(_images_worker_of(tenant))

    def pid(self, name: str) -> int:
        """Return the process id of a server's master, or of a worker's main process."""
        pid = self._supervisor.pid(name)
        if pid is None:
            raise RuntimeError(f"{name} is not running")
        return pid

    def stop_our_web(self) -> None:
        """Stop the web role."""
        self._supervisor.stop_one("web")

    def stop_web(self) -> None:
        """Stop all servers."""
        for name in SERVERS:
            self._supervisor.stop_one(name)

    def _worker(self, name: str) -> ProcessSpec:
        return next(spec for spec in services.workers(self.addresses, self.secrets) if spec.name == name)

    def _start_partner(self, name: str) -> None:
        self._supervisor.start(next(s for s in services.partners(self.addresses, self.folder) if s.name == name))

    def _web(self) -> ProcessSpec:
        spec = services.web(self.addresses, self.secrets)
        return replace(spec, env={**spec.env, "WEB_CONCURRENCY": str(WORKER_COUNT)})

    def _plain(self, name: str, application: str, env: dict[str, str]) -> ProcessSpec:
        """Describe a gunicorn process with our server settings and another application."""
        port = self.ports[name]
        server = {"BIND_HOST": LOOPBACK, "PORT": str(port), "WEB_CONCURRENCY": str(WORKER_COUNT)}
        return ProcessSpec(
            name=name,
            argv=(sys.executable, "-m", "gunicorn", application, "-c", "docker/gunicorn.conf.py"),
            env={"PATH": os.environ["PATH"], **server, **env},
            cwd=services.ROOT,
            ports=(port,),
            ready=tcp_ready(port),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._supervisor.stop()


def _images_worker_of(tenant: str) -> str:
    return f"{IMAGES_WORKER}-{tenant}" if tenant else IMAGES_WORKER
