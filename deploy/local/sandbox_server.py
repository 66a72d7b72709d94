"""The base of sandbox partners: JSON over HTTP on loopback, a lock for each object, signed webhooks.

A partner says what it does (``Requests.respond``); what went wrong is raised: ``Refused`` or ``ResponseLost``.
"""

import hashlib
import hmac
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import urllib3

from resale.struct_types import build_struct_types

_BODY_BYTES: Final = 16 * 1024
_IDLE_SECONDS: Final = 60.0
_HOOK_SECONDS: Final = 5.0
_HOOK_TRIES: Final = 6


class Refused(Exception):  # noqa: N818 - named for what happened
    """Raised for a refused request; ``code`` is in the response."""

    def __init__(self, status: int, code: str) -> None:
        """Store the HTTP status and the code."""
        super().__init__(code)
        self.status = status
        self.code = code


class ResponseLost(Exception):  # noqa: N818 - named for what happened
    """Raised when the request was processed, but the response is lost."""


class Raw(msgspec.Struct, frozen=True):
    """A response that is not JSON, or not a success."""

    content_type: str
    body: bytes
    status: int = 200


class NamedLocks:
    """One lock with waiting callers for each name."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def wait_for(self, name: str) -> Iterator[None]:
        """Run the block exclusively for a name."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
            self._waiting[name] += 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                self._waiting[name] -= 1
                if not self._waiting[name]:
                    del self._locks[name], self._waiting[name]


class Requests(BaseHTTPRequestHandler):
    """One connection. A partner's subclass responds; its data is set on a subclass: the server creates handlers."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True  # head and body are two writes: together with delayed ACKs, 40 ms each

    def respond(self, method: str) -> Any:
        """Respond to a request: JSON data or Raw. Raises Refused, ResponseLost."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Serve a GET."""
        self._serve("GET")

    def do_POST(self) -> None:
        """Serve a POST."""
        self._serve("POST")

    def read(self, kind: Any) -> Any:
        """Decode the body as a struct. Raises Refused."""
        try:
            return msgspec.json.decode(self.read_bytes(), type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Refused(400, "invalid_request") from error

    def read_bytes(self) -> bytes:
        """Read the body. Raises Refused."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            raise Refused(400, "invalid_request")
        if int(length) > _BODY_BYTES:
            raise Refused(413, "too_large")
        return self.rfile.read(int(length))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Suppress log output: the records are the log."""

    def _serve(self, method: str) -> None:
        try:
            self._send(self.respond(method))
        except Refused as refused:
            self.close_connection = True  # its body may not have been read
            body = msgspec.json.encode({"error": refused.code})
            self._send(Raw("application/json", body, refused.status))
        except ResponseLost:
            self.close_connection = True

    def _send(self, content: Any) -> None:
        response = content if isinstance(content, Raw) else Raw("application/json", msgspec.json.encode(content))
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(response.body)


class _Listener(ThreadingHTTPServer):
    """Threads end with the process; a burst of callers waits instead of being reset (the default backlog is 5)."""

    daemon_threads = True
    request_queue_size = 128


class LoopbackServer:
    """A partner on one port on loopback; a context manager."""

    def __init__(self, requests: type[Requests], *, name: str, port: int = 0) -> None:
        """Open the port; 0 chooses a free one."""
        build_struct_types()
        self._server = _Listener(("127.0.0.1", port), requests)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name=name)

    @property
    def base_url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The webhook endpoint of an account, and its signing secret."""

    url: str
    secret: str


_ENDPOINTS: Final = msgspec.json.Decoder(dict[str, Endpoint])


class WebhookSender:
    """Sends webhooks, signed as ``Sandbox-Signature: t=<unix seconds>,v1=<hex>``: HMAC-SHA256 of ``<t>.<body>``.

    ``config`` maps account to endpoint, JSON; it is read for each message, and may be missing.
    """

    def __init__(self, config: Path | None, *, first_wait_seconds: float = 0.1) -> None:
        """Open a pool; nothing is sent. A message is sent up to six times, with a doubled wait."""
        self._config = config
        self._first_wait_seconds = first_wait_seconds
        self._closing = threading.Event()
        self._pool = urllib3.PoolManager(timeout=_HOOK_SECONDS, retries=False)

    def send(self, account: str, content: Any) -> bool | None:
        """Send a message and wait for the response; return whether it was accepted, None without an endpoint."""
        endpoint = self._endpoint(account)
        if endpoint is None:
            return None
        body = msgspec.json.encode(content)
        wait_seconds = self._first_wait_seconds
        for _ in range(_HOOK_TRIES):
            if self._post(endpoint, body):
                return True
            if self._closing.wait(wait_seconds):
                break
            wait_seconds *= 2
        return False

    def close(self) -> None:
        """Stop retrying."""
        self._closing.set()

    def _endpoint(self, account: str) -> Endpoint | None:
        if self._config is None or not self._config.exists():
            return None
        return _ENDPOINTS.decode(self._config.read_bytes()).get(account)

    def _post(self, endpoint: Endpoint, body: bytes) -> bool:
        second = int(time.time())
        headers = {"Content-Type": "application/json", "Sandbox-Signature": _signature(endpoint.secret, body, second)}
        try:
            response = self._pool.request("POST", endpoint.url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError:
            return False
        return 200 <= response.status < 300  # noqa: PLR2004 - HTTP's success


def _signature(secret: str, body: bytes, second: int) -> str:
    signed = hmac.new(secret.encode(), b"%d.%b" % (second, body), hashlib.sha256).hexdigest()
    return f"t={second},v1={signed}"
