"""CPU of the web role for each request: alternating rounds with the naive view, so that both have the same load."""

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any, Final

import msgspec

from bench.figures import Baseline, Figure
from bench.load import Plan, Request, WrongResponse, drive, response_to
from bench.processes import cpu_ms, rss_mib

CONNECTION_COUNT: Final = 8
OURS_COUNT, NAIVE_COUNT, WARM_COUNT = 300, 60, 320  # requests a round
STUDY_EMPTY_MS: Final = 0.15  # CPU of gunicorn's gthread for an empty response: docs/performance.md
_JSON: Final = {"Content-Type": "application/json"}
_DESCRIPTION: Final = "Worn for one season, no stains, both pockets close. " * 12

Requests = Iterator[Request]


class Server:
    """A compared gunicorn: its address, and the process whose CPU is counted."""

    def __init__(self, *, port: int, pid: int) -> None:
        self._port = port
        self.pid = pid

    def cost_ms(self, requests: Requests, count: int) -> float:
        """Send requests; return the CPU milliseconds of each. Raises WrongResponse."""
        sent = tuple(itertools.islice(requests, count))
        plan = Plan(port=self._port, connection_count=CONNECTION_COUNT, requests=sent)
        before = cpu_ms(self.pid)
        drive(plan)
        return (cpu_ms(self.pid) - before) / count

    def request(self, request: Request) -> Any:
        """Send one request and decode its response. Raises WrongResponse."""
        return msgspec.json.decode(response_to(self._port, request))


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """A hot path: its requests on both sides, and a check of the first response."""

    name: str
    gate: float
    ours: Requests
    naive: Requests | None = None
    is_whole: Callable[[Any], bool] = bool


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """The compared servers."""

    ours: Server
    naive: Server
    empty: Server


def measure(paths: tuple[Path, ...], sides: Sides, *, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    """Warm up, then run the rounds. Raises WrongResponse."""
    for path in paths:
        _check(path, sides)
    for path in paths:
        sides.ours.cost_ms(path.ours, WARM_COUNT)
        if path.naive is not None:
            sides.naive.cost_ms(path.naive, NAIVE_COUNT)
    nothing = itertools.repeat(Request(method="GET", path="/", headers={}, expected=200))
    empties: list[float] = []
    taken: list[tuple[list[float], list[float]]] = [([], []) for _ in paths]
    for number in range(rounds):
        empties.append(sides.empty.cost_ms(nothing, OURS_COUNT))
        for path, (own, others) in zip(paths, taken, strict=True):
            own.append(sides.ours.cost_ms(path.ours, OURS_COUNT))
            if path.naive is not None:
                others.append(sides.naive.cost_ms(path.naive, NAIVE_COUNT))
        say(f"  round {number + 1} of {rounds}: " + ", ".join(_latest(*each) for each in taken) + " ms")
    baseline = Baseline(here=median(empties), study=STUDY_EMPTY_MS)
    say(f"  an empty WSGI response: {', '.join(f'{each:.2f}' for each in empties)} ms")
    return [
        Figure(
            name=path.name,
            unit="CPU ms/request",
            gate=path.gate,
            samples=tuple(own),
            naive=tuple(others),
            baseline=baseline,
        )
        for path, (own, others) in zip(paths, taken, strict=True)
    ]


def measure_memory(sides: Sides) -> Figure:
    """Return the resident memory of the largest worker, after the load."""
    return Figure(
        name="web process after the load",
        unit="MiB RSS",
        gate=150,
        samples=(rss_mib(sides.ours.pid),),
        naive=(rss_mib(sides.naive.pid),),
        digits=0,
    )


def our_requests(  # noqa: PLR0913 - what requests are made of
    *,
    key: str,
    tokens: tuple[str, ...],
    buyers: tuple[tuple[str, Callable[[], None]], ...],
    listing_ids: tuple[str, ...],
    for_sale: Iterator[str],
    market: str,
    currency: str,
) -> Mapping[str, Requests]:
    """Return endless requests to this API, with a brand's key and the tokens of alternating shoppers.

    ``buyers`` are tokens, each with a function that ends the shopper's unpaid orders before they submit the next one.
    """
    callers = itertools.cycle([_caller(key, token) for token in tokens])
    ids = itertools.cycle(listing_ids)

    def writing(caller: dict[str, str]) -> dict[str, str]:
        return {**caller, **_JSON, "Idempotency-Key": uuid.uuid4().hex}

    def buy(listing_id: str, token: str, release: Callable[[], None]) -> Request:
        release()
        headers = writing(_caller(key, token))
        return Request(method="POST", path="/v1/orders", headers=headers, body=_new_order(listing_id), expected=202)

    return {
        "get": (
            Request(method="GET", path=f"/v1/listings/{next(ids)}", headers=caller, expected=200) for caller in callers
        ),
        "hot": (
            Request(method="GET", path=f"/v1/listings/{listing_ids[0]}", headers=caller, expected=200)
            for caller in callers
        ),
        "list": (
            Request(method="GET", path=f"/v1/listings?market={market}", headers=caller, expected=200)
            for caller in callers
        ),
        "create": (
            Request(
                method="POST", path="/v1/listings", headers=writing(caller), body=_new_listing(currency), expected=201
            )
            for caller in callers
        ),
        "order": (
            buy(listing_id, token, release)
            for listing_id, (token, release) in zip(for_sale, itertools.cycle(buyers), strict=False)
        ),
    }


def _caller(key: str, token: str) -> dict[str, str]:
    return {"X-API-Key": key, "Authorization": f"Bearer {token}"}


def naive_requests(*, listing_ids: tuple[str, ...], market: str, currency: str) -> Mapping[str, Requests]:
    """Return endless requests to the naive view."""
    ids = itertools.cycle(listing_ids)
    body = msgspec.json.encode(_flat_listing(currency)).decode()
    return {
        "get": (Request(method="GET", path=f"/listings/{each}", headers={}, expected=200) for each in ids),
        "list": itertools.repeat(Request(method="GET", path=f"/listings?market={market}", headers={}, expected=200)),
        "create": itertools.repeat(Request(method="POST", path="/listings", headers=_JSON, body=body, expected=201)),
    }


def hot_paths(ours: Mapping[str, Requests], naive: Mapping[str, Requests]) -> tuple[Path, ...]:
    """Return the hot paths with their gates."""
    return (
        Path(name="read one listing", gate=0.8, ours=ours["get"], naive=naive["get"]),
        Path(name="read one hot listing", gate=0.8, ours=ours["hot"]),
        Path(name="list 20 of a market", gate=1.0, ours=ours["list"], naive=naive["list"], is_whole=_has_20),
        Path(name="create, 2 upload forms", gate=1.2, ours=ours["create"], naive=naive["create"], is_whole=_has_forms),
        Path(name="submit an order", gate=1.5, ours=ours["order"]),
    )


def _check(path: Path, sides: Sides) -> None:
    responses = [sides.ours.request(next(path.ours))]
    if path.naive is not None:
        responses.append(sides.naive.request(next(path.naive)))
    for response in responses:
        if not path.is_whole(response):
            raise WrongResponse(f"{path.name}: not what is to be measured: {str(response)[:300]}")


def _latest(own: list[float], others: list[float]) -> str:
    return f"{own[-1]:.2f}" + (f" (naive {others[-1]:.2f})" if others else "")


def _has_20(response: Any) -> bool:
    return len(response["data"]) == 20


def _has_forms(response: Any) -> bool:
    forms = response["uploads"] if "uploads" in response else [image["upload"] for image in response["images"]]
    return len(forms) == 2 and all("fields" in form for form in forms)


def _new_listing(currency: str) -> str:
    slot = {"content_type": "image/jpeg", "bytes": 1_900_000}
    flat = _flat_listing(currency)
    body = {
        **{name: flat[name] for name in ("title", "description", "product", "condition")},
        "price": {"amount": flat["price_amount"], "currency": currency},
        "custom_fields": {name: flat[name] for name in ("size", "colour", "material", "year", "altered")},
        "images": [slot, slot],
    }
    return msgspec.json.encode(body).decode()


def _flat_listing(currency: str) -> dict[str, Any]:
    return {
        "title": "Waxed jacket",
        "description": _DESCRIPTION,
        "product": "jacket-7",
        "condition": "very_good",
        "price_amount": 12_000,
        "price_currency": currency,
        "size": "M",
        "colour": "olive",
        "material": "cotton",
        "year": 2024,
        "altered": False,
    }


def _new_order(listing_id: str) -> str:
    address = {
        "name": "Robin Okafor",
        "line1": "1 Test Street",
        "city": "Leeds",
        "postal_code": "LS1 1AA",
        "country": "GB",
    }
    body = {"listing_id": listing_id, "shipping_address": address, "payment_token": "tok_ok"}
    return msgspec.json.encode(body).decode()
