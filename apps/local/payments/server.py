"""The sandbox provider over HTTP. What happens is said by the token.

=============  ======================================================================
tok_ok         captured
tok_declined   declined
tok_timeout    captured, but the first answer is lost: the connection closes
tok_error      500 on the first two tries, nothing booked; then captured
tok_slow       captured after ten seconds
any other      declined, ``invalid_token``
=============  ======================================================================
"""

import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from apps.local.payments.books import Books, Row

SLOW_SECONDS: Final = 10.0
FAILED_TRIES: Final = 2
MAX_BODY_BYTES: Final = 16 * 1024

_FIELDS: Final = {"attempt_id": str, "order_id": str, "amount": int, "currency": str, "token": str}
_CAPTURED: Final = frozenset({"tok_ok", "tok_timeout", "tok_error", "tok_slow"})


class AnswerLost(Exception):  # noqa: N818 - named for what happened
    """The charge is booked and nobody hears of it."""


class ProviderDown(Exception):  # noqa: N818 - named for what happened
    """Nothing was booked; try again."""


class Provider:
    """Decides what becomes of a charge and keeps it in the books."""

    def __init__(self, books: Books, *, slow_seconds: float = SLOW_SECONDS) -> None:
        self.books = books
        self._slow_seconds = slow_seconds

    def charge(self, request: Row) -> Row:
        """Take money once for an attempt, however often it is asked for."""
        attempt_id, token = request["attempt_id"], request["token"]
        with self.books.alone(attempt_id):
            if known := self.books.find(attempt_id):
                return known
            tries = self.books.count_try(attempt_id)
            if token == "tok_error" and tries <= FAILED_TRIES:  # noqa: S105 - a sandbox token, no secret
                raise ProviderDown
            if token == "tok_slow":  # noqa: S105 - same
                time.sleep(self._slow_seconds)
            booked = self.books.book({**request, **_verdict(token)})
            if token == "tok_timeout" and tries == 1:  # noqa: S105 - same
                raise AnswerLost
            return booked

    def refund(self, attempt_id: str) -> Row:
        """Give an attempt back, or close it."""
        with self.books.alone(attempt_id):
            return self.books.give_back(attempt_id)


def _verdict(token: str) -> Row:
    if token in _CAPTURED:
        return {"state": "captured", "reason": None}
    return {"state": "declined", "reason": "card_declined" if token == "tok_declined" else "invalid_token"}  # noqa: S105 - same


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider: Provider

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._answer(200, {"status": "ok"})
        elif self.path == "/books":
            self._answer(200, {"data": self.provider.books.all()})
        elif found := self.provider.books.find(self.path.removeprefix("/charges/")):
            self._answer(200, _public(found))
        else:
            self._answer(404, {"error": "not_found"})

    def do_POST(self) -> None:
        try:
            self._post()
        except AnswerLost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        except ProviderDown:
            self._answer(500, {"error": "provider_error"})
        except ValueError as error:
            self._answer(400, {"error": str(error)})

    def _post(self) -> None:
        body = self._body()
        if self.path == "/charges":
            self._answer(200, _public(self.provider.charge(_charge_request(body))))
        elif self.path.startswith("/charges/") and self.path.endswith("/refund"):
            attempt_id = self.path.removeprefix("/charges/").removesuffix("/refund")
            self._answer(200, _public(self.provider.refund(attempt_id)))
        else:
            self._answer(404, {"error": "not_found"})

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length", "0"))
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            raise ValueError("too_large")
        return self.rfile.read(length)

    def _answer(self, status: int, payload: Any) -> None:
        content = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the books are the record."""


def _charge_request(body: bytes) -> Row:
    try:
        request = json.loads(body)
    except ValueError as error:
        raise ValueError("not_json") from error
    if not isinstance(request, dict) or any(type(request.get(name)) is not kind for name, kind in _FIELDS.items()):
        raise ValueError("fields")
    return {name: request[name] for name in _FIELDS}


def _public(row: Row) -> Row:
    return {"state": row["state"], "reference": f"ch_{row['attempt_id']}", "reason": row["reason"]}


def make_server(
    *, port: int, data: Path, host: str = "127.0.0.1", slow_seconds: float = SLOW_SECONDS
) -> ThreadingHTTPServer:
    """Build the server, listening on loopback; the caller serves and closes it."""
    provider = Provider(Books(data), slow_seconds=slow_seconds)
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    return server
