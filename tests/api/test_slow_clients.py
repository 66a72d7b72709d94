"""A real web role, and clients that take their time: they may wait, the load balancer's check must not."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.test import RequestFactory

from apps.core.problems import BodyTimeout
from apps.core.requests import read_body
from apps.local.supervisor.ports import pick

ROOT = Path(__file__).resolve().parents[2]
_CLIENTS = 20  # the one worker has 8 threads
_READ_SECONDS = 0.5
_TOKEN = "a" * 32
# Cross-site request protection reads the body of a form for its token.
_FORM = (
    "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    f"Cookie: csrftoken={_TOKEN}\r\n"
)
BEGINNINGS = {
    "nothing": "",
    "half a header": "GET /healthz HTTP/1.1\r\nHost: loc",
    "half a body": f"{_FORM}Content-Length: 1000\r\n\r\nusername=",
    "half a chunk": f"{_FORM}Transfer-Encoding: chunked\r\n\r\n3e8\r\nusername=",
    "half a body nobody reads": "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nxxx",
}


def healthz(port: int, timeout: float) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where one worker of the web role listens."""
    number = pick()
    log = tmp_path_factory.mktemp("web") / "log"
    settings = {"PORT": str(number), "WEB_CONCURRENCY": "1", "READ_SECONDS": str(_READ_SECONDS)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", "PATH": path, **settings}
    with log.open("wb") as output:
        server = subprocess.Popen([ROOT / "docker/entrypoint", "web"], env=environment, stdout=output, stderr=output)
    try:
        _wait_for(number, server, log)
        yield number
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(60)  # beyond gunicorn's graceful_timeout of 30, after which it kills its workers


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            assert healthz(port, 5) == 200
        except OSError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return


class TestSlowClients:
    @pytest.mark.parametrize("begun", BEGINNINGS.values(), ids=BEGINNINGS)
    def test_do_not_keep_the_health_check_waiting(self, port: int, begun: str) -> None:
        with ExitStack() as stack:
            for _ in range(_CLIENTS):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
                client.sendall(begun.encode())
            started = time.monotonic()
            assert healthz(port, 4) == 200
            assert time.monotonic() - started < 4  # three rounds of the deadline, and a busy machine

    @pytest.mark.parametrize("begun", [BEGINNINGS["half a header"], BEGINNINGS["half a body"]])
    def test_gain_nothing_by_sending_a_little_at_a_time(self, port: int, begun: str) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(begun.encode())
            started = time.monotonic()
            while not _hung_up(client):
                assert time.monotonic() - started < 10 * _READ_SECONDS
                time.sleep(0.05)  # the client's pace

    def test_are_told_when_they_sent_half_a_body(self) -> None:
        request = RequestFactory().post("/v1/things", data=b"{}", content_type="application/json")
        request._stream = _Stalled()  # type: ignore[assignment]  # all of a stream that is asked for
        with pytest.raises(BodyTimeout):
            read_body(request)

    def test_are_told_when_they_sent_half_a_chunk(self) -> None:
        request = RequestFactory().generic("POST", "/", headers={"Transfer-Encoding": "chunked"}, CONTENT_LENGTH="")
        request.environ["wsgi.input"] = _Stalled()
        with pytest.raises(BodyTimeout):
            read_body(request)


def _hung_up(client: socket.socket) -> bool:
    """Send one more byte; has the server closed, after whatever it said?"""
    try:
        client.sendall(b"x")
        client.settimeout(0)
        return client.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        client.settimeout(5)


class _Stalled:
    def read(self, *_: int) -> bytes:
        raise ConnectionError

    def close(self) -> None:
        pass
