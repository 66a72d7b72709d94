"""A small Stripe on loopback: it answers with the shapes of ``tests/samples/stripe`` and remembers what it was told.

It does what the adapter leans on: idempotency keys that repeat the first response, intents that are confirmed once,
refunds, transfers, payouts of connected accounts, and balance transactions. And what it is told to do wrong.
"""

import copy
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgspec
import urllib3

from tests.adapters.stripe_world import API_KEY, Call, Json, Refused, StripeWorld


class Fault(msgspec.Struct, frozen=True):
    """What happens to the next request on a path (a pattern)."""

    path: str
    action: Callable[[], None] | None = None
    is_answer_lost: bool = False


class StripeDouble:
    """A context manager. ``world`` is what it knows, ``calls`` what it was asked."""

    def __init__(self, *, checked_by: str | None = None) -> None:
        """Take a free port; ``checked_by`` is Stripe's own mock server, which is asked of every request, too."""
        self.world = StripeWorld()
        self.calls: list[Call] = []
        self.complaints: list[str] = []
        self._keys: dict[str, tuple[Any, int, Json]] = {}
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._mock = urllib3.PoolManager(retries=False)
        self._mock_url = checked_by
        handler = type("Handler", (_Handler,), {"double": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._mock.clear()

    def lose_answer(self, path: str) -> None:
        """Do the next request on a path and do not respond."""
        self._faults.append(Fault(path, is_answer_lost=True))

    def refuse(self, path: str, status: int, error: Json | None = None) -> None:
        """Do not do the next request on a path, but response so."""

        def refusal() -> None:
            raise Refused(status, {"error": error or {"type": "api_error", "message": "made up"}})

        self._faults.append(Fault(path, refusal))

    def before(self, path: str, action: Callable[[], None]) -> None:
        """Do something else first when the next request on a path comes."""
        self._faults.append(Fault(path, action))

    def leave(self, account: str) -> None:
        """Have a connected account revoke the platform's access."""
        self.world.left.add(account)

    def forget_keys(self) -> None:
        """Do as Stripe does after a day."""
        self._keys.clear()

    def count(self, method: str, path: str) -> int:
        """Count the requests on a path."""
        return sum(call.method == method and re.fullmatch(path, call.path) is not None for call in self.calls)

    def respond(self, call: Call) -> tuple[int, Json] | None:
        """Response a request; None: not at all."""
        with self._lock:
            self.calls.append(call)
            self._have_checked(call)
            fault = next((one for one in self._faults if re.fullmatch(one.path, call.path)), Fault(""))
            if fault.path:
                self._faults.remove(fault)
            try:
                if fault.action is not None:
                    fault.action()
                response = self._answer_once(call)
            except Refused as refused:
                return refused.status, refused.body
            return None if fault.is_answer_lost else response

    def _have_checked(self, call: Call) -> None:
        if self._mock_url is None:
            return
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/x-www-form-urlencoded"}
        said = self._mock.request(call.method, f"{self._mock_url}{call.target}", body=call.body, headers=headers)
        if said.status != 200:
            self.complaints.append(f"{call.method} {call.target}: {said.data.decode()}")

    def _answer_once(self, call: Call) -> tuple[int, Json]:
        """Repeat the first response to a key, as Stripe does, and refuse one used for something else."""
        asked, slot = (call.path, call.params), f"{call.account} {call.key}"
        if call.key and slot in self._keys:
            known, status, body = self._keys[slot]
            if known != asked:
                return 400, {"error": {"type": "idempotency_error", "message": "Keys for idempotent requests …"}}
            return status, copy.deepcopy(body)
        status, body = self.world.do(call)
        if call.key:
            self._keys[slot] = (asked, status, copy.deepcopy(body))
        return status, body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    double: StripeDouble

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self.double.respond(Call(self.command, self.path, body, headers))
        if response is None:
            self.close_connection = True
            return
        content = json.dumps(response[1]).encode()
        self.send_response(response[0])
        self.send_header("Request-Id", "req_made_up")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass
