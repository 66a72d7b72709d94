"""``make run``: everything on one machine, started in order and stopped in reverse."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.local import services, summary
from deploy.local.brands import BRANDS
from deploy.local.engines.local import LocalEngines
from deploy.local.journey.money import MoneyJourney
from deploy.local.journey.shops import Shop
from deploy.local.journey.story import Journey
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.engine_requests import EngineRequests
from deploy.local.onboarding.local_tenants import LocalTenants, add_brands
from deploy.local.private_files import Demo, Secrets, environment_file, load_secrets, save
from deploy.local.registration import complete_brands, migrate, save_logins
from deploy.local.services import Addresses
from deploy.local.supervisor import LockRefused, PortTaken, ProcessSpec, Supervisor, locks
from deploy.local.supervisor.interrupts import exit_on_signals
from deploy.local.supervisor.ports import PortRegistry, find_port_conflict
from deploy.local.webhook_urls import save_endpoints

Say = Callable[[str], None]

_SERVE_SECONDS = 0.1  # how often the folder of accounts is read
_LOCK_SECONDS = 0.5  # patience with `make clean-data`, which looks whether it is held


class LocalPlatform:
    """The platform on one machine, in one folder. ``say`` receives one line for each step."""

    def __init__(self, var: Path, *, port: int, say: Say) -> None:
        self._var, self._port, self._say = var, port, say
        self._issuers = var / "issuers"
        self._secrets_file = var / "secrets.json"
        self._demo_file = var / "demo.json"
        self._environment_file = environment_file(var)
        self._platform: list[str] = []  # names of what is stopped before the engines

    def run(self, *, once: bool) -> None:
        """Start everything, run the journey, and stay until a signal unless ``once``.

        Raises:
            SupervisorError: The folder or the port is somebody else's, or a process could not be started.
            Unreadable: What an earlier run kept is damaged.
            InstallError: An engine could not be fetched.
            JourneyFailed: The journey did not end as it should.
        """
        self._var.mkdir(parents=True, exist_ok=True)
        self._var.chmod(0o700)  # the engines keep the key that wraps all others in it, readable by anybody
        with self._lock(), exit_on_signals(), Supervisor(log_dir=self._var / "log", say=self._say) as supervisor:
            self._claim_port()
            try:
                demo, requests = self._start_and_play(supervisor)
                if not once:
                    self._serve_until_interrupt(demo, requests)
            finally:
                self._say("stopping")
                # Before the engines, which are in the supervisor's own hands.
                self._environment_file.unlink(missing_ok=True)
                self._stop_platform(supervisor)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Lock the folder, so that neither another run nor ``make clean-data`` uses it."""
        lock_file = locks.file_of(self._var / locks.PLATFORM)
        try:
            held = locks.acquire(self._var / locks.PLATFORM, _LOCK_SECONDS)
        except LockRefused as refused:
            raise LockRefused(
                f"{self._var} is in use by another `make run` (process {locks.holder(lock_file)}); stop that one, or "
                "name another folder and port: RESALE_VAR_DIR=var2 PORT=8001 make run"
            ) from refused
        try:
            yield
        finally:
            locks.release((held,))

    def _claim_port(self) -> None:
        """Verify that the port of the web server is free before anything is started."""
        reason = find_port_conflict(self._port)
        if reason is not None:
            raise PortTaken(f"{reason}; or choose another: PORT={self._port % 1_000 + 8_001} make run")
        ports = PortRegistry(self._var / "ports.json")
        ports.claim("web", self._port)
        ports.save()

    def _serve_until_interrupt(self, demo: Demo, requests: EngineRequests) -> None:
        """Start the engines of tenants that are onboarded beside this process, until Ctrl-C."""
        for line in summary.next_steps(demo, var=self._var):
            self._say(line)
        self._say("\nrunning; Ctrl-C stops it")
        with suppress(KeyboardInterrupt):
            while True:
                requests.serve()
                time.sleep(_SERVE_SECONDS)

    def _stop_platform(self, supervisor: Supervisor) -> None:
        """Stop the platform's processes; the relay after the writers, so that it sends their last changes."""
        running = [name for name in supervisor.names() if name in self._platform]
        supervisor.stop_together([name for name in running if name != services.RELAY])
        supervisor.stop_together([name for name in running if name == services.RELAY])

    def _start_and_play(self, supervisor: Supervisor) -> tuple[Demo, EngineRequests]:
        began = time.monotonic()
        addresses, demo, requests = self._start(supervisor)
        self._say(f"ready after {time.monotonic() - began:.1f} s: {demo.base_url}\n")
        self._play(addresses, demo)
        for line in summary.summary(demo, var=self._var):
            self._say(line)
        return demo, requests

    def _start(self, supervisor: Supervisor) -> tuple[Addresses, Demo, EngineRequests]:
        secrets = load_secrets(self._secrets_file, tuple(brand.slug for brand in BRANDS))
        save(self._secrets_file, secrets)  # before anything is made with them
        with ThreadPoolExecutor(1) as aside:  # the registry needs no engine, and hashing passwords takes its time
            tables = aside.submit(migrate, self._var)
            logins = aside.submit(save_logins, secrets)
            engines = self._start_engines(supervisor)
            addresses = self._find_addresses(engines)
            tables.result()
            self._onboard(engines, addresses, secrets)
            logins.result()
        complete_brands(secrets)
        save(self._secrets_file, secrets)
        save(self._environment_file, services.environment(addresses, secrets))
        save_endpoints(self._var, secrets, base_url=addresses.base_url)
        self._say("starting the platform: workers, sweep, relay, payment provider, carrier, issuers, web")
        for spec in self._processes(engines, addresses, secrets):
            self._platform.append(spec.name)
            supervisor.start(spec)
        demo = summary.describe(addresses, secrets, issuers=self._issuers)
        save(self._demo_file, demo)
        return addresses, demo, EngineRequests(AccountFiles(self._var), engines, say=self._say)

    def _processes(self, engines: LocalEngines, addresses: Addresses, secrets: Secrets) -> Iterator[ProcessSpec]:
        """List the processes to start; the web server is last, so that the others start meanwhile."""
        yield from services.workers(addresses, secrets)
        yield services.relay(
            addresses,
            secrets,
            databases=engines.dynamodb_file(BRANDS[0].account_id).parent,
            checkpoints=self._var / "relay",
            generation=engines.ministack_files.generation,
        )
        yield from services.partners(addresses, self._var)
        yield services.web(addresses, secrets)

    def _start_engines(self, supervisor: Supervisor) -> LocalEngines:
        self._say("starting the engines")
        accounts = add_brands(AccountFiles(self._var))
        engines = LocalEngines(self._var, accounts, supervisor=supervisor, say=self._say)
        engines.start()
        return engines

    def _find_addresses(self, engines: LocalEngines) -> Addresses:
        ports = PortRegistry(self._var / "ports.json")
        addresses = Addresses(
            web_port=self._port,
            issuer_port=ports.port("issuer"),  # a part of every shopper's identity
            payments_port=ports.port("payments"),
            shipping_port=ports.port("shipping"),
            aws_url=engines.aws_endpoint_url,
            dynamodb_urls=engines.dynamodb_endpoints,
        )
        ports.save()
        return addresses

    def _onboard(self, engines: LocalEngines, addresses: Addresses, secrets: Secrets) -> None:
        for brand in BRANDS:
            self._say(f"onboarding {brand.slug}: account {brand.account_id}, region {brand.region}")
        LocalTenants(engines, addresses, secrets, say=self._say).onboard()

    def _play(self, addresses: Addresses, demo: Demo) -> None:
        first = BRANDS[0]
        rival = summary.token(first, "rival", addresses, issuers=self._issuers)
        Journey(demo, rival_token=rival, currency=first.currency, say=self._say).play()
        self._say("")
        second = demo.tenants[1]  # its time is moved; the first brand's stays the wall clock's
        MoneyJourney(Shop(demo.base_url, second, currency=BRANDS[1].currency, say=self._say)).play()
        self._say("")
