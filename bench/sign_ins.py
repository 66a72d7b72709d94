"""Latency of the public API while 24 staff sign in at once: ``python -m bench.sign_ins``.

Starts the web server on a registry of its own and asks the API, one request at a time, while the sign-ins run. The
request is refused for its lack of a key, which needs a thread and a little CPU, and nothing behind the web server.
"""

import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SIGN_INS: Final = 24
ROUNDS: Final = 3
IDLE_REQUESTS: Final = 200
_MAKE_USER: Final = """
from apps.tenancy.models import User
User.objects.create_user(username="robin", password="correct horse battery", is_staff=True)
"""


def main() -> None:
    """Print the latency of the API alone and during the sign-ins, and the results of the sign-ins."""
    with tempfile.TemporaryDirectory() as folder, _web(folder) as port:
        idle = [_request(port) for _ in range(IDLE_REQUESTS)]
        print(f"alone:            {_figures(idle)}")
        for _ in range(ROUNDS):
            _beside_sign_ins(port)


def _beside_sign_ins(port: int) -> None:
    responses: Counter[int] = Counter()
    threads = [threading.Thread(target=_sign_in, args=(port, responses)) for _ in range(SIGN_INS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    taken = []
    while any(thread.is_alive() for thread in threads):
        taken.append(_request(port))
    seconds = time.monotonic() - started
    print(f"beside {SIGN_INS} sign-ins: {_figures(taken)}; sign-ins {dict(responses)} in {seconds:.1f} s")


def _request(port: int) -> float:
    started = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", "/v1/listings")
        connection.getresponse().read()
    return (time.monotonic() - started) * 1000


def _sign_in(port: int, responses: Counter[int]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", "/admin/login/")
        page = connection.getresponse()
        cookie = (page.getheader("Set-Cookie") or "").partition(";")[0]
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)', page.read().decode())
        form = {"username": "robin", "password": "correct horse battery", "csrfmiddlewaretoken": token and token[1]}
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/admin/login/", urllib.parse.urlencode(form), headers)
        response = connection.getresponse()
        response.read()
        responses[response.status] += 1


def _figures(milliseconds: list[float]) -> str:
    cuts = statistics.quantiles(milliseconds, n=20) if len(milliseconds) > 1 else [*milliseconds] * 20
    return f"{len(milliseconds)} requests, p50 {cuts[9]:.0f} ms, p95 {cuts[18]:.0f} ms, max {max(milliseconds):.0f} ms"


@contextmanager
def _web(folder: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DJANGO_SECRET_KEY": "bench-" * 8,
        "DATABASE_URL": f"sqlite:///{folder}/registry.sqlite",
        "PORT": str(port),
        "RESALE_LOG_LEVEL": "ERROR",
        "WEB_CONCURRENCY": "2",
    }
    for arguments in (["migrate", "--verbosity", "0"], ["shell", "--verbosity", "0", "-c", _MAKE_USER]):
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)
    argv = [sys.executable, "-m", "gunicorn", "config.wsgi", "-c", "docker/gunicorn.conf.py"]
    server = subprocess.Popen(argv, cwd=ROOT, env=environment)
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            _request(port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
