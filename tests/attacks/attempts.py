"""One attempt of an attack: what came back, what the log has of it, and what is wrong with either."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pytest
from django.test import Client

from apps.core.logs import Formatter
from deploy.local.attacks.means import Attack
from tests.attacks.parties import Victim

#: Means without a credential: what they get is everybody's.
_PUBLIC: Final = {"no key", "open page"}


@dataclass(frozen=True)
class Outcome:
    """What an attempt got."""

    status: int
    text: str
    headers: str = ""
    sent: str = ""  # of the request, where its page repeats what was sent

    @property
    def line(self) -> str:
        """The status, with the code of a problem document."""
        code = msgspec.json.decode(self.text).get("code", "") if self.status >= 400 and self.text[:1] == "{" else ""
        return f"{self.status} {code}".rstrip()


def naming(victim: Victim) -> dict[str, str]:
    """Headers that claim to be the victim's."""
    host = f"{victim.slug}.example"
    return {
        "Host": host,
        "Origin": f"https://{host}",
        "Forwarded": f"host={host}",
        "X-Forwarded-Host": host,
        "X-Tenant": victim.slug,
        "X-Tenant-Id": victim.front.shop.tenant.id,
        "X-Account-Id": victim.front.shop.tenant.account_id,
    }


def request(method: str, path: str, *, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """Send a request to the API."""
    response: Any = Client(raise_request_exception=False).generic(method, path, body, content_type="", headers=headers)
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return Outcome(response.status_code, content.decode(), str(dict(response.headers)))


@dataclass(frozen=True)
class Watch:
    """Looks at each attempt and at its log lines."""

    victim: Victim
    caplog: pytest.LogCaptureFixture

    def faults(self, attack: Attack, outcomes: Iterator[Outcome]) -> Iterator[str]:
        """Iterate over what is wrong with the attempts of one row."""
        count = 0
        self.caplog.set_level(logging.INFO)
        self.caplog.clear()
        for outcome in outcomes:
            count += 1
            yield from (f"{attack}: {fault}" for fault in self._faults_of(attack, outcome))
            self.caplog.clear()
        if not count:
            yield f"{attack}: nothing was tried"

    def _faults_of(self, attack: Attack, outcome: Outcome) -> Iterator[str]:
        if not attack.means.accepts(outcome.line):
            yield f"{outcome.line} instead of {attack.means.expected}: {outcome.text[:300]}"
        if seen := self.victim.seen_in(outcome.text + outcome.headers, sent=outcome.sent):
            yield f"shows {seen}"
        if outcome.status == 200 and attack.means.name not in _PUBLIC and "private" not in outcome.headers:
            yield "can be kept by a shared cache"
        lines = [Formatter().format(record) for record in self.caplog.records]
        if not any(f'"status":{outcome.status}' in line for line in lines if "resale.request" in line):
            yield "has no line of the request in the log"
        if attack.means.event and not any(f'"event":"{attack.means.event}"' in line for line in lines):
            yield f"is not logged as {attack.means.event}"
        if quoted := self.victim.quoted_in("\n".join(lines)):
            yield f"logs {quoted}"
