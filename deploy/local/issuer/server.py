"""Server of ``/<slug>/.well-known/openid-configuration`` and ``/<slug>/jwks.json`` on loopback.

A server of its own and not part of the web process: that one asks for these keys while its threads wait for them, and
under a burst its own question would queue behind the requests that wait for the response.
"""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from deploy.local.issuer.keys import ALGORITHM, IssuerKeys
from deploy.local.issuer.tokens import issuer_url

_PATH: Final = re.compile(r"/([a-z][a-z0-9-]*)/(\.well-known/openid-configuration|jwks\.json)")


class IssuerServer:
    """The issuers of all demo tenants on one port. A context manager; or ``start`` and ``stop``."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"find_document": staticmethod(self._find_document)})
        self.directory = directory
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="issuer")

    @property
    def base_url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def issuer(self, slug: str) -> str:
        """Return the URL of a tenant's issuer."""
        return issuer_url(self.base_url, slug)

    def start(self) -> None:
        """Start to serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and release the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _find_document(self, path: str) -> Any:
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        slug, document = match.groups()
        if document == "jwks.json":
            return IssuerKeys(self.directory, slug).public_set()
        issuer = self.issuer(slug)
        return {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/jwks.json",
            "authorization_endpoint": f"{issuer}/authorize",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }


class _Handler(BaseHTTPRequestHandler):
    find_document: Callable[[str], Any]

    def do_GET(self) -> None:
        """Respond with JSON, or 404."""
        document = self.find_document(self.path)
        body = msgspec.json.encode(document)
        self.send_response(200 if document is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Suppress log output."""
