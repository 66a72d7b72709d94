"""The pytest plugin of ``make record-permissions``: every engine that a test starts gets a proxy that records."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.engines import ministack
from deploy.local.engines.local import LocalEngines
from deploy.local.permissions.uses import write_uses
from tests.faults.proxy import FaultProxy
from tests.permissions.recording import Recorder

FOLDER_VARIABLE: Final = "PERMISSIONS_FOLDER"  # where each process writes its part


class _Recording:
    """The proxies of one test process, and what they saw."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self._proxies: list[FaultProxy] = []
        self._patch = pytest.MonkeyPatch()

    def begin(self) -> None:
        """Put proxies before all engines that are started from here on."""
        start_ministack, start_account = LocalEngines._start_ministack, LocalEngines._start_account

        def start_and_record(engines: LocalEngines, *arguments: Any) -> None:
            start_ministack(engines, *arguments)
            engines.aws_endpoint_url = self._record(engines.aws_endpoint_url)

        def start_account_and_record(engines: LocalEngines, account: str, *arguments: Any) -> None:
            start_account(engines, account, *arguments)
            url = engines.dynamodb_endpoints[account]
            if url != engines.aws_endpoint_url:
                engines.dynamodb_endpoints[account] = self._record(url)

        self._patch.setattr(LocalEngines, "_start_ministack", start_and_record)
        self._patch.setattr(LocalEngines, "_start_account", start_account_and_record)
        self._patch.setattr(ministack, "_environment", _without_host(ministack._environment))

    def end(self, part: Path) -> None:
        """Write what was seen."""
        self._patch.undo()
        for proxy in self._proxies:
            proxy.close()
        write_uses(self.recorder.uses, part)

    def _record(self, url: str) -> str:
        proxy = FaultProxy(url, observe=self.recorder.observe)
        self._proxies.append(proxy.__enter__())
        return proxy.url


def _without_host(build: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    """Leave the host out: the URLs of queues then follow the request, so that they are the proxy's, too."""
    return lambda *arguments: {key: value for key, value in build(*arguments).items() if key != "MINISTACK_HOST"}


_recording: Final = _Recording()


def pytest_configure() -> None:
    _recording.begin()


#: Refusals that tests provoke, by a part of the resource. What was permitted elsewhere is none: forms and links are
#: refused when they are changed or late.
EXPECTED_REFUSALS: Final[Mapping[str, str]] = {
    ":atelier-": "tests/adapters/test_queues.py: one tenant's session at the queues of another",
}


def _unexpected() -> list[str]:
    refused = sorted(_recording.recorder.refusals - _recording.recorder.uses)
    found = (f"{use.action} {use.resource}" for use in refused)
    return [line for line in found if not any(known in line for known in EXPECTED_REFUSALS)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _recording.recorder.failures or _unexpected():
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for failure in _recording.recorder.failures:
        terminalreporter.write_line(f"not understood: {failure}")
    for refusal in _unexpected():
        terminalreporter.write_line(f"refused to the platform: {refusal}")


def pytest_unconfigure() -> None:
    name = os.environ.get("PYTEST_XDIST_WORKER", "main")
    _recording.end(Path(os.environ[FOLDER_VARIABLE]) / f"{name}.jsonl")
