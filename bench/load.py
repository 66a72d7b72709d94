"""The load generator: a process of its own that sends prepared requests over kept-alive connections.

``python -m bench.load PLAN`` reads a plan, ends with 0 when every answer had the expected status.
"""

import http.client
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

_TIMEOUT_SECONDS: Final = 60


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and the status its answer must have."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""
    expected: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to one server, taken by connections in turn."""

    port: int
    connection_count: int
    asks: tuple[Ask, ...]


class WrongAnswer(Exception):  # noqa: N818 - named for what happened
    """A request was not answered as it must be: there is nothing to measure."""


def drive(plan: Plan) -> None:
    """Send a plan from a process of its own. Raises WrongAnswer."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(msgspec.json.encode(plan))
        file.flush()
        command = [sys.executable, "-m", "bench.load", file.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise WrongAnswer(done.stdout.strip() or f"the load generator ended with {done.returncode}")


def answer_to(port: int, ask: Ask) -> bytes:
    """Send one request and give the body of its answer. Raises WrongAnswer."""
    return _exchange(http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS), ask)


def main() -> int:
    """Send the plan; say the first wrong answer."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    wrong: list[str] = []
    shares = [plan.asks[number :: plan.connection_count] for number in range(plan.connection_count)]
    threads = [threading.Thread(target=_send_all, args=(plan.port, share, wrong)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        print(wrong[0])
    return 1 if wrong else 0


def _send_all(port: int, asks: tuple[Ask, ...], wrong: list[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        for ask in asks:
            if wrong:
                return
            _exchange(connection, ask)
    except (OSError, http.client.HTTPException, WrongAnswer) as error:
        wrong.append(f"{type(error).__name__}: {error}")


def _exchange(connection: http.client.HTTPConnection, ask: Ask) -> bytes:
    connection.request(ask.method, ask.path, body=ask.body.encode() or None, headers=dict(ask.headers))
    response = connection.getresponse()
    body = response.read()
    if response.status != ask.expected:
        raise WrongAnswer(f"{ask.method} {ask.path}: {response.status} {body[:300]!r}")
    return body


if __name__ == "__main__":
    sys.exit(main())
