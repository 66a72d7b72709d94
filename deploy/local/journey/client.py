"""The few things a shop's page does with HTTP: ask, send JSON, upload a form. Standard library only."""

import http.client
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)

    @property
    def code(self) -> str | None:
        """The problem document's code, when it is one."""
        return self.json.get("code") if "problem+json" in self.headers.get("content-type", "") else None


@dataclass(frozen=True)
class Client:
    """Somebody at the API: a base URL and the headers that say who."""

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Answer:
        """Ask."""
        return send("GET", self.base_url + path, headers=self.headers)

    def patch(self, path: str, body: object) -> Answer:
        """Change by JSON."""
        return self._send_json("PATCH", path, body)

    def put(self, path: str, body: object) -> Answer:
        """Put JSON where its path says."""
        return self._send_json("PUT", path, body)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """Send JSON; ``headers`` have ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = json.dumps(body).encode() if body is not None else b""
        typed = {"Content-Type": "application/json"} if body is not None else {}
        return send("POST", self.base_url + path, headers={**self.headers, **typed, **named}, content=content)

    def _send_json(self, method: str, path: str, body: object) -> Answer:
        headers = {**self.headers, "Content-Type": "application/json"}
        return send(method, self.base_url + path, headers=headers, content=json.dumps(body).encode())


def send(method: str, url: str, *, headers: Mapping[str, str], content: bytes | None = None) -> Answer:
    """Make one request on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=content, headers=dict(headers))
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read())
    finally:
        connection.close()


def upload(url: str, fields: Mapping[str, str], photo: bytes) -> Answer:
    """Post a form as a browser does: the signed fields, and the file last."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    opening = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo"\r\n\r\n'
    content = "".join(parts).encode() + opening.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
    return send("POST", url, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}, content=content)
