"""What the rehearsal's load balancer counts as a failed request."""

import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.supervisor import Supervisor
from deploy.local.supervisor.ports import LOOPBACK, pick
from tests.e2e.machine import eventually
from tests.rehearsal.balancer import Balancer, find_binary
from tests.rehearsal.task_definitions import HealthCheck

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nhalf"
CHECK = HealthCheck(
    path="/readyz",
    interval_seconds=5,
    timeout_seconds=4,
    healthy_count=2,
    unhealthy_count=2,
    drain_seconds=5,
    algorithm="round_robin",
)

pytestmark = pytest.mark.skipif(find_binary() is None, reason="HAProxy is not installed (sudo apt install haproxy)")


class Target:
    """A server that sends the same bytes to every request and closes."""

    def __init__(self, response: bytes) -> None:
        self._response = response
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                if b"/readyz" in connection.recv(65_536):
                    connection.sendall(WHOLE)
                else:
                    connection.sendall(self._response)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Balancer, int]]:
    folder: Path = tmp_path_factory.mktemp("balancer")
    port = pick()
    balancer = Balancer(folder / "haproxy", port=port, check=CHECK)
    with Supervisor(log_dir=folder, say=lambda _: None) as supervisor:
        supervisor.start(balancer.spec)
        yield balancer, port


@pytest.mark.parametrize(
    ("response", "failed"), [(WHOLE, 0), (CUT, 1), (b"", 1), (b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", 1)]
)
def test_counts_each_failure_once(balancer: tuple[Balancer, int], response: bytes, failed: int) -> None:
    tested, port = balancer
    target = Target(response)
    tested.register("target", target.port)
    before = tested.counts()
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", "/v1/listings")
        connection.getresponse().read()
    except http.client.HTTPException:
        assert response == CUT
    finally:
        connection.close()
    seen = eventually(lambda: tested.counts() - before, lambda counts: counts.requests == 1, until="it is counted")
    tested.deregister("target")
    target.close()
    assert (tested.counts() - before).failed == seen.failed == failed
