"""Somebody who is sent webhooks: a real server that keeps what it got, and refuses when told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from deploy.local.sandbox_server import LoopbackServer, Refused, Requests


@dataclass
class Hook:
    """One webhook as it arrived. Header names in lower case, as a port wants them."""

    body: bytes
    headers: dict[str, str]


@dataclass
class Receiver:
    """Where webhooks go. ``refusals``: how many more are answered with 503."""

    url: str = ""
    refusals: int = 0
    hooks: list[Hook] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Taking(Requests):
        def respond(self, method: str) -> Any:
            body = self.read_bytes()
            assert (method, self.path) == ("POST", "/hook")
            if receiver.refusals:
                receiver.refusals -= 1
                raise Refused(503, "away")
            receiver.hooks.append(Hook(body, {name.lower(): value for name, value in self.headers.items()}))
            return {}

    with LoopbackServer(Taking, name="receiver") as server:
        receiver.url = f"{server.base_url}/hook"
        yield receiver
