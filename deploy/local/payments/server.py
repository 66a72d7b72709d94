"""The provider over HTTP; each call names its account in ``X-Sandbox-Account`` (or ``?account=``).

``POST /payments``, ``GET /payments/{id}``, ``POST /payments/{id}/capture``, ``…/void``, ``…/refunds``,
``GET …/refunds/{id}``; ``POST /payouts``, ``GET /payouts/{id}``; ``GET /bookings?since=``.
The buyer's page: ``GET /payments/{id}/action``. For tests: ``POST /payments/{id}/complete_action?outcome=``,
``POST /payments/{id}/disputes``, ``POST /disputes/{id}/close?outcome=``, ``POST /payouts/{id}/settle``, ``…/return``;
``GET /books`` (of all accounts, if none is named).
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self
from urllib.parse import parse_qs, urlsplit

import msgspec

from deploy.local.payments.routes import Call, Page, Provider, handle
from deploy.local.payments.rows import NAME
from deploy.local.payments.service import ProviderContext, ProviderError, Refusal, ResponseLost
from deploy.local.payments.store import PaymentRecords
from deploy.local.payments.webhooks import Webhooks
from resale.struct_types import build_struct_types

ACCOUNT_HEADER: Final = "X-Sandbox-Account"

_BODY_BYTES: Final = 16 * 1024
_IDLE_SECONDS: Final = 60.0


class _Listener(ThreadingHTTPServer):
    """Threads end with the process; a burst of callers waits instead of being reset (the default backlog is 5)."""

    daemon_threads = True
    request_queue_size = 128


class PaymentsServer:
    """The provider on one port on loopback; a context manager."""

    def __init__(
        self,
        data_file: Path,
        *,
        port: int = 0,
        slow_seconds: float = 10.0,
        webhooks: Path | None = None,
        page_rows: int = 500,
    ) -> None:
        """Open the records and the port; ``port`` 0 chooses a free one, ``webhooks`` is the file of ``Webhooks``."""
        build_struct_types()
        self._webhooks = Webhooks(webhooks)
        self._context = ProviderContext(
            PaymentRecords(data_file), notify=self._webhooks.notify, slow_seconds=slow_seconds
        )
        handler = type("Handler", (_Handler,), {"provider": Provider(self._context, page_rows=page_rows)})
        self._server = _Listener(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="payments")

    @property
    def base_url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._context.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._webhooks.close()


class _Handler(BaseHTTPRequestHandler):
    """One connection. ``provider`` is set on a subclass, because the server creates handlers itself."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True  # head and body are two writes: together with delayed ACKs, 40 ms each
    provider: ClassVar[Provider]

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        try:
            content = handle(self.provider, self._call())
            is_sent_on = isinstance(content, Page) and content.location is not None
            self._send(303 if is_sent_on else 200, content)
        except Refusal as refusal:
            self.close_connection = True  # its body may not have been read
            self._send(refusal.status, {"error": refusal.code})
        except ProviderError:
            self._send(500, {"error": "provider_error"})
        except ResponseLost:
            self.close_connection = True

    def _call(self) -> Call:
        body = self._body()  # first, so that a refusal leaves nothing on the line
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        account = self.headers.get(ACCOUNT_HEADER) or query.get("account")
        if account is not None and not NAME.fullmatch(account):
            raise Refusal(400, "invalid_account")
        host = self.headers.get("Host", "")
        return Call(method=self.command, path=url.path, query=query, account=account, body=body, host=host)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            raise Refusal(400, "invalid_request")
        if int(length) > _BODY_BYTES:
            raise Refusal(413, "too_large")
        return self.rfile.read(int(length))

    def _send(self, status: int, content: Any) -> None:
        is_page = isinstance(content, Page)
        body = content.html.encode() if is_page else msgspec.json.encode(content)
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8" if is_page else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if isinstance(content, Page) and content.location is not None:
            self.send_header("Location", content.location)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Suppress log output: the records are the log."""
