"""The provider over HTTP.

``POST /charges``, ``GET /charges/{attempt_id}``, ``POST /charges/{attempt_id}/refund``, and ``GET /books`` for tests.
"""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import msgspec

from apps.local.payments.books import Books, Row
from apps.local.payments.provider import (
    ATTEMPT_ID,
    AnswerLost,
    AttemptReused,
    Charge,
    ProviderError,
    SandboxProvider,
)

_BODY_BYTES: Final = 16 * 1024
_IDLE_SECONDS: Final = 60.0
_CHARGE: Final = re.compile(rf"/charges/({ATTEMPT_ID.pattern})")
_REFUND: Final = re.compile(rf"/charges/({ATTEMPT_ID.pattern})/refund")


class _Listener(ThreadingHTTPServer):
    """Threads end with the process; a burst of callers waits in line instead of being reset (the default line is 5)."""

    daemon_threads = True
    request_queue_size = 128


class PaymentsServer:
    """The provider behind one port on loopback; a context manager."""

    def __init__(self, data_file: Path, *, port: int = 0, slow_seconds: float = 10.0) -> None:
        """Open the books and the port; ``port`` 0 takes a free one."""
        self._provider = SandboxProvider(Books(data_file), slow_seconds=slow_seconds)
        handler = type("Handler", (_Handler,), {"provider": self._provider})
        self._server = _Listener(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="payments")

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._provider.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Refused(Exception):  # noqa: N818 - named for what happened
    """A request that gets no further; ``code`` goes to the caller."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class _Handler(BaseHTTPRequestHandler):
    """One connection. ``provider`` is set on a subclass, for the server builds handlers itself."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True  # head and body are two writes: together with delayed ACKs, 40 ms each
    provider: ClassVar[SandboxProvider]

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_POST(self) -> None:
        self._serve(self._post)

    def _serve(self, answer: Any) -> None:
        try:
            self._send(200, answer())
        except _Refused as refused:
            self.close_connection = True  # its body may not have been read
            self._send(refused.status, {"error": refused.code})
        except ProviderError:
            self._send(500, {"error": "provider_error"})
        except AttemptReused:
            self._send(422, {"error": "attempt_reused"})
        except AnswerLost:
            self.close_connection = True

    def _get(self) -> Any:
        if self.path == "/books":
            return {"data": self.provider.rows()}
        match = _CHARGE.fullmatch(self.path)
        row = None if match is None else self.provider.find(match[1])
        if row is None:
            raise _Refused(404, "not_found")
        return _answer(row)

    def _post(self) -> Any:
        body = self._body()
        refund = _REFUND.fullmatch(self.path)
        if refund is not None:
            return _answer(self.provider.refund(refund[1]))
        if self.path != "/charges":
            raise _Refused(404, "not_found")
        try:
            charge = msgspec.json.decode(body, type=Charge)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _Refused(400, "invalid_request") from error
        return _answer(self.provider.charge(charge))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            raise _Refused(400, "invalid_request")
        if int(length) > _BODY_BYTES:
            raise _Refused(413, "too_large")
        return self.rfile.read(int(length))

    def _send(self, status: int, content: Any) -> None:
        body = msgspec.json.encode(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Keep silent: the books are the record."""


def _answer(row: Row) -> dict[str, Any]:
    return {"state": row.state, "reference": row.reference, "reason": row.reason}
