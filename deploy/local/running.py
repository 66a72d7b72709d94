"""``make run``: everything on one machine, started in order and stopped in reverse."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.local import services, summary
from deploy.local.accounts import provision
from deploy.local.brands import BRANDS
from deploy.local.engines.local import LocalEngines
from deploy.local.issuer.tokens import issuer_url
from deploy.local.journey.money import MoneyJourney
from deploy.local.journey.shops import Shop
from deploy.local.journey.story import Journey
from deploy.local.private_files import Demo, Secrets, environment_file, load_secrets, save
from deploy.local.registration import prepare, register
from deploy.local.services import Addresses
from deploy.local.supervisor import LockRefused, PortTaken, ProcessSpec, Supervisor, locks
from deploy.local.supervisor.interrupts import exit_on_signals
from deploy.local.supervisor.ports import PortRegistry, find_port_conflict
from deploy.local.webhook_urls import save_endpoints
from resale.domain.tenants import Resources

Say = Callable[[str], None]

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
                demo = self._start_and_play(supervisor)
                if not once:
                    self._wait_for_interrupt(demo)
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

    def _wait_for_interrupt(self, demo: Demo) -> None:
        """Wait for Ctrl-C."""
        for line in summary.next_steps(demo, var=self._var):
            self._say(line)
        self._say("\nrunning; Ctrl-C stops it")
        with suppress(KeyboardInterrupt):
            signal.pause()

    def _stop_platform(self, supervisor: Supervisor) -> None:
        """Stop the platform's processes; the relay after the writers, so that it sends their last changes."""
        running = [name for name in supervisor.names() if name in self._platform]
        supervisor.stop_together([name for name in running if name != services.RELAY])
        supervisor.stop_together([name for name in running if name == services.RELAY])

    def _start_and_play(self, supervisor: Supervisor) -> Demo:
        began = time.monotonic()
        addresses, demo = self._start(supervisor)
        self._say(f"ready after {time.monotonic() - began:.1f} s: {demo.base_url}\n")
        self._play(addresses, demo)
        for line in summary.summary(demo, var=self._var):
            self._say(line)
        return demo

    def _start(self, supervisor: Supervisor) -> tuple[Addresses, Demo]:
        secrets = load_secrets(self._secrets_file, tuple(brand.slug for brand in BRANDS))
        save(self._secrets_file, secrets)  # before anything is made with them
        with ThreadPoolExecutor(1) as aside:  # the registry needs no engine, and hashing passwords takes its time
            registry = aside.submit(prepare, self._var, secrets)
            engines = self._start_engines(supervisor)
            addresses = self._find_addresses(engines)
            resources = self._provision(engines, addresses, secrets)
            registry.result()
        self._register(addresses, secrets, resources)
        save(self._environment_file, services.environment(addresses, secrets))
        save_endpoints(self._var, secrets, base_url=addresses.base_url)
        self._say("starting the platform: workers, sweep, relay, payment provider, carrier, issuers, web")
        for spec in self._processes(engines, addresses, secrets):
            self._platform.append(spec.name)
            supervisor.start(spec)
        demo = summary.describe(addresses, secrets, issuers=self._issuers)
        save(self._demo_file, demo)
        return addresses, demo

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
        accounts = [brand.account_id for brand in BRANDS]
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

    def _provision(self, engines: LocalEngines, addresses: Addresses, secrets: Secrets) -> Mapping[str, Resources]:
        for brand in BRANDS:
            self._say(f"provisioning {brand.slug}: account {brand.account_id}, region {brand.region}")
        resources = provision(engines, secrets, origins=addresses.origins, say=self._say)
        save(self._secrets_file, secrets)
        return resources

    def _register(self, addresses: Addresses, secrets: Secrets, resources: Mapping[str, Resources]) -> None:
        issuers = {brand.slug: issuer_url(addresses.issuer_url, brand.slug) for brand in BRANDS}
        register(secrets, resources, issuers=issuers, origins=addresses.origins)
        save(self._secrets_file, secrets)

    def _play(self, addresses: Addresses, demo: Demo) -> None:
        first = BRANDS[0]
        rival = summary.token(first, "rival", addresses, issuers=self._issuers)
        Journey(demo, rival_token=rival, currency=first.currency, say=self._say).play()
        self._say("")
        second = demo.tenants[1]  # its time is moved; the first brand's stays the wall clock's
        MoneyJourney(Shop(demo.base_url, second, currency=BRANDS[1].currency, say=self._say)).play()
        self._say("")
