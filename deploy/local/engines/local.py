"""All engines of one data folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.engines import dynoxide, ministack
from deploy.local.engines.install import ENGINE_VARIABLE, ENGINES_DIR, Installed, install, is_published, say_line
from deploy.local.engines.ministack import MinistackFiles
from deploy.local.supervisor import Supervisor
from deploy.local.supervisor.ports import PortRegistry


class LocalEngines:
    """ministack and one dynoxide for each account on loopback, supervised; a context manager.

    ``supervisor`` is given when other processes share it; the engines then stop with it.
    """

    def __init__(
        self,
        data_dir: Path,
        accounts: Sequence[str],
        *,
        supervisor: Supervisor | None = None,
        log_dir: Path | None = None,
        engines_dir: Path = ENGINES_DIR,
        say: Callable[[str], None] = say_line,
    ) -> None:
        """Store the parts; nothing is read, fetched or started."""
        self.data_dir = data_dir.resolve()
        self.supervisor = supervisor or Supervisor(log_dir=log_dir or self.data_dir / "log", say=say)
        self.aws_endpoint_url = ""
        self.dynamodb_endpoints: dict[str, str] = {}
        self.ministack_files = MinistackFiles(self.data_dir / "ministack")
        self._accounts = tuple(accounts)
        self._engines_dir = engines_dir
        self._say = say

    def start(self) -> None:
        """Fetch what is missing and start everything; the endpoints are set afterwards.

        Raises:
            InstallError: An engine could not be fetched.
            SupervisorError: One could not be started.
        """
        installed = install(self._engines_dir, self._say)
        ports = PortRegistry(self.data_dir / "ports.json")
        try:
            self._start_ministack(installed, ports)
            self._start_dynamodb(installed, ports)
            ports.save()
        except BaseException:  # an interrupt leaves nothing behind either
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all processes of the supervisor; ministack saves its state."""
        self.supervisor.stop()

    def restart_ministack(self) -> None:
        """Stop ministack cleanly and start it again, so that its state is on disk. STS sessions end."""
        self.supervisor.restart(ministack.NAME)

    def kill(self, name: str) -> None:
        """Kill an engine with SIGKILL (``ministack``, ``dynoxide-<account>``); the supervisor restarts it."""
        self.supervisor.kill(name)

    def wait_ready(self, name: str, timeout_seconds: float = 20.0) -> None:
        """Wait until the engine responds."""
        self.supervisor.wait_ready(name, timeout_seconds)

    def dynamodb_file(self, account: str) -> Path:
        """Return the data file of an account (the relay watches its ``-wal``)."""
        return self.data_dir / "dynamodb" / f"{account}.sqlite"

    def _start_ministack(self, installed: Installed, ports: PortRegistry) -> None:
        port = ports.port(ministack.NAME)
        self.supervisor.start(ministack.spec(installed.ministack_python, files=self.ministack_files, port=port))
        self.aws_endpoint_url = f"http://localhost:{port}"

    def add_account(self, account: str) -> None:
        """Start the engine of one more account while the others run; its endpoint is set afterwards. Idempotent.

        Raises:
            SupervisorError: It could not be started.
        """
        if account not in self.dynamodb_endpoints:
            ports = PortRegistry(self.data_dir / "ports.json")
            self._start_account(account, install(self._engines_dir, self._say).dynoxide, ports)
            ports.save()

    def _start_dynamodb(self, installed: Installed, ports: PortRegistry) -> None:
        if installed.dynoxide is None:
            why = f"{ENGINE_VARIABLE}=ministack" if is_published() else "dynoxide is published for linux-x64 only"
            self._say(f"{why}: ministack's DynamoDB stands in, which keeps its tables only on a clean stop")
        for account in self._accounts:
            self._start_account(account, installed.dynoxide, ports)

    def _start_account(self, account: str, binary: Path | None, ports: PortRegistry) -> None:
        if binary is None:
            self.dynamodb_endpoints[account] = self.aws_endpoint_url
            return
        name, data_file = dynoxide.name_of(account), self.dynamodb_file(account)
        port = ports.port(name)
        dynoxide.start(
            self.supervisor, dynoxide.spec(binary, account=account, data_file=data_file, port=port), data_file
        )
        self.dynamodb_endpoints[account] = f"http://127.0.0.1:{port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
