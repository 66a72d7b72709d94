"""The attempts on endpoints: one function for each means of the table."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from django.conf import settings

from apps.core.hot_listings.tickets import Tickets
from apps.storefront.docs import ENDPOINTS
from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.openapi.examples import examples_of
from deploy.local.attacks import endpoints as table
from tests.attacks.attempts import Outcome, naming, request
from tests.attacks.parties import Attacker, Victim

_EXAMPLES: Final = examples_of(ENDPOINTS)
_REQUIRED: Final = {"month": "2026-10", "day": "2026-10-01"}
_BY_ID: Final = {endpoint.id: endpoint for endpoint in ENDPOINTS}


@dataclass(frozen=True)
class Attempts:
    """Everything the attacker tries on one endpoint."""

    attacker: Attacker
    victim: Victim
    endpoint: AnyEndpoint

    def _send(
        self, headers: Mapping[str, str], *, query: str = "", body: bytes | None = None, key: str | None = None
    ) -> Outcome:
        said = {"Content-Type": "application/json", "Idempotency-Key": key or "a-key-of-the-attacker", **headers}
        sent = self._body() if body is None else body
        method, path = self.endpoint.method.upper(), self._path()
        outcome = request(method, path + query, body=sent, headers={**said, **naming(self.victim)})
        line = (
            self.victim.word if self.victim.word in path else ""
        )  # a name, which the response repeats; ids it does not
        return replace(outcome, sent=f"{query} {sent.decode()} {line}")

    def _path(self) -> str:
        places = {**self.victim.ids, "source": "web", "line": self.victim.word, "country": "GB"}
        return re.sub(r"{(\w+)}", lambda found: places[found[1]], self.endpoint.path)

    def _body(self) -> bytes:
        """Return a valid body whose ids are the victim's."""
        if self.endpoint.body is None:
            return b""
        example: dict[str, Any] = dict(_EXAMPLES.get(self.endpoint.body.__name__, {}))
        ids = {name: self.victim.ids[name] for name in self.endpoint.body.__struct_fields__ if name in self.victim.ids}
        return self._in_own_currency(msgspec.json.encode(example | ids))

    def _in_own_currency(self, body: bytes) -> bytes:
        own, victims = self.attacker.front.shop.tenant.currency, self.victim.front.shop.tenant.currency
        return body.replace(f'"{victims}"'.encode(), f'"{own}"'.encode())

    def _query(self, **more: str) -> str:
        """Return the parameters that the endpoint requires, and more."""
        fields = () if self.endpoint.query is None else self.endpoint.query.__struct_fields__
        required = {name: value for name, value in _REQUIRED.items() if name in fields and "source" not in more}
        given = required | more
        return f"?{urlencode(given)}" if given else ""

    def _by_every_credential(self, **arguments: Any) -> Iterator[Outcome]:
        for credentials in self.attacker.credentials(self.endpoint):
            yield self._send(credentials, **arguments)

    def foreign_key(self) -> Iterator[Outcome]:
        yield self._send({"X-API-Key": self.victim.front.shop.publishable.text, **self.attacker.token})

    def foreign_token(self) -> Iterator[Outcome]:
        token = {"Authorization": f"Bearer {self.victim.front.shop.token(self.victim.buyer.subject)}"}
        for key in (self.attacker.front.shop.publishable, self.attacker.front.shop.secret):
            yield self._send({"X-API-Key": key.text, **token})

    def guessed_key(self) -> Iterator[Outcome]:
        for kind in ("pk_test_", "sk_test_"):
            yield self._send({"X-API-Key": kind + "a" * 43, **self.attacker.token})

    def tenant(self) -> Iterator[Outcome]:
        yield from self._by_every_credential(query=f"?tenant={self.victim.slug}")

    def id(self) -> Iterator[Outcome]:
        conditions: list[Mapping[str, str]] = [{}]
        conditions += [{"If-None-Match": "*"}] if self.endpoint.is_revalidated else []
        conditions += [{"If-Match": '"1"'}] if self.endpoint.if_match else []
        for condition in conditions:
            for credentials in self.attacker.credentials(self.endpoint):
                yield self._send({**credentials, **condition})

    def own_body(self) -> Iterator[Outcome]:
        yield from self._by_every_credential()

    def cursor(self) -> Iterator[Outcome]:
        yield from self._by_every_credential(query=self._query(cursor=self._cursor()))

    def _cursor(self) -> str:
        """Return the victim's cursor of this very list; where it has one page only, that of another list."""
        front, path = self.victim.front, self._path() + self._query(limit="1")
        for caller in ({"brand": True}, {"by": self.victim.seller}, {"by": self.victim.buyer}):
            response = front.get(path, **caller)
            if response.status == 200 and response.json["next_cursor"]:
                return str(response.json["next_cursor"])
        return self.victim.cursor

    def filter(self) -> Iterator[Outcome]:
        fields = self.endpoint.query.__struct_fields__ if self.endpoint.query else ()
        values = {"product": self.victim.word, "source": self.victim.ids["order_id"]}
        yield from self._by_every_credential(query=self._query(**{n: v for n, v in values.items() if n in fields}))

    def own_data(self) -> Iterator[Outcome]:
        for outcome in self._by_every_credential(query=self._query()):
            assert "Access-Control-Allow-Origin" not in outcome.headers, "readable by pages of the victim"
            yield outcome

    def idempotency_key(self) -> Iterator[Outcome]:
        listing = self._in_own_currency(msgspec.json.encode(self.victim.listing_body))
        body = listing if self.endpoint.id == "createListing" else None
        outcome = self._send(next(self.attacker.credentials(self.endpoint)), key=self.victim.idempotency_key, body=body)
        assert "Idempotent-Replayed" not in outcome.headers
        yield outcome

    def ticket(self) -> Iterator[Outcome]:
        buyer, place = self.victim.buyer, (self.victim.front.shop.tenant.id, self.victim.ids["listing_id"])
        scope = (*place, buyer.issuer, buyer.subject)
        ticket = Tickets(settings.RESALE.cursor_secret).issue(scope, arrived_ms=1)
        for credentials in self.attacker.credentials(self.endpoint):
            yield self._send({**credentials, "Waiting-Line-Ticket": ticket})

    def name(self) -> Iterator[Outcome]:
        yield from self._by_every_credential()

    def signature(self) -> Iterator[Outcome]:
        body = msgspec.json.encode({"id": "evt_1", "type": "payment.captured", "data": {}})
        yield self._send(self.attacker.partner.signature(body), body=body)

    def no_key(self) -> Iterator[Outcome]:
        yield self._send({})


ATTEMPTS: Final[Mapping[str, Callable[[Attempts], Iterator[Outcome]]]] = {
    table.FOREIGN_KEY.name: Attempts.foreign_key,
    table.FOREIGN_TOKEN.name: Attempts.foreign_token,
    table.GUESSED_KEY.name: Attempts.guessed_key,
    table.TENANT.name: Attempts.tenant,
    table.ID.name: Attempts.id,
    table.BODY_ID.name: Attempts.own_body,
    table.CURSOR.name: Attempts.cursor,
    table.FILTER.name: Attempts.filter,
    table.OWN_DATA.name: Attempts.own_data,
    table.IDEMPOTENCY_KEY.name: Attempts.idempotency_key,
    table.TICKET.name: Attempts.ticket,
    table.NAME.name: Attempts.name,
    table.SIGNATURE.name: Attempts.signature,
    table.SHOP_KEY.name: Attempts.own_body,
    table.NO_KEY.name: Attempts.no_key,
}


def attempt(attacker: Attacker, victim: Victim, operation: str, means: str) -> Iterator[Outcome]:
    """Make the attempts of one row."""
    return ATTEMPTS[means](Attempts(attacker, victim, _BY_ID[operation]))
