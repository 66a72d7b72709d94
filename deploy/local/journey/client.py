"""A small HTTP client of the journey: JSON requests and form uploads. Standard library only."""

import http.client
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class Response:
    """A response."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)

    @property
    def code(self) -> str | None:
        """The code of the problem document, if it is one."""
        return self.json.get("code") if "problem+json" in self.headers.get("content-type", "") else None


@dataclass(frozen=True)
class Client:
    """A client of the API: a base URL and authentication headers."""

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str = "") -> Response:
        """Send a GET request."""
        return send("GET", self.base_url + path, headers=self.headers)

    def patch(self, path: str, body: object) -> Response:
        """Send a PATCH request with JSON."""
        return self._send_json("PATCH", path, body)

    def put(self, path: str, body: object) -> Response:
        """Send a PUT request with JSON."""
        return self._send_json("PUT", path, body)

    def post(self, path: str, body: object = None, **headers: str) -> Response:
        """Send a POST request with JSON; ``headers`` have ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = json.dumps(body).encode() if body is not None else b""
        typed = {"Content-Type": "application/json"} if body is not None else {}
        return send("POST", self.base_url + path, headers={**self.headers, **typed, **named}, content=content)

    def _send_json(self, method: str, path: str, body: object) -> Response:
        headers = {**self.headers, "Content-Type": "application/json"}
        return send(method, self.base_url + path, headers=headers, content=json.dumps(body).encode())


def send(method: str, url: str, *, headers: Mapping[str, str], content: bytes | None = None) -> Response:
    """Send one request on its own connection."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=content, headers=dict(headers))
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, named, response.read())
    finally:
        connection.close()


def upload(url: str, fields: Mapping[str, str], photo: bytes) -> Response:
    """Post a form like a browser: the signed fields, and the file last."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    opening = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo"\r\n\r\n'
    content = "".join(parts).encode() + opening.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
    return send("POST", url, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}, content=content)
