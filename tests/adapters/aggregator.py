"""EasyPost as its documentation tells it, in this process: answers in recorded shapes, and books of what was sold.

One label a shipment; references need not be unique. ``plan`` has coming requests go wrong.
"""

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from deploy.local.sandbox_server import LoopbackServer, Raw, Requests, ResponseLost

SAMPLES = Path(__file__).parent.parent / "samples" / "easypost"
API_KEY = "EZTK_made_up"

Response = tuple[int, Any]


def sample(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return content


def error(code: str, message: str = "No.") -> dict[str, Any]:
    """An error as docs.easypost.com/docs/errors shows it."""
    return {"error": {"code": code, "message": message, "errors": []}}


@dataclass
class Plan:
    """What happens to the next request that begins so: a response instead, or the real one lost or awaited too long."""

    request: str
    response: Response | None = None
    is_lost: bool = False
    is_slow: bool = False


@dataclass
class Aggregator:
    """What EasyPost knows. ``finds_references``: whether a reference stands for an id, as it "may"."""

    base_url: str = ""
    finds_references: bool = True
    shipments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def sold(self) -> list[dict[str, Any]]:
        return [one for one in self.shipments if one["postage_label"] is not None]

    def plan(self, request: str, **what: Any) -> None:
        """``request``: ``POST /shipments``, ``POST /buy``, ``POST /refund``, ``GET /shipment``, ``GET /shipments``."""
        self.plans.append(Plan(request, **what))

    def add(self, *, reference: str, is_bought: bool, number: int | None = None) -> dict[str, Any]:
        """Have a shipment there already; newest last."""
        made = sample("shipment-bought" if is_bought else "shipment-created")
        _rename(made, f"shp_{len(self.shipments) + 1 if number is None else number:032x}")
        made["reference"] = reference
        self.shipments.append(made)
        return made

    def handle(self, method: str, url: str, body: bytes) -> Response:
        parts = urlsplit(url)
        content = json.loads(body) if body else {}
        kind, act = self._route(method, parts.path.removeprefix("/v2"), parse_qs(parts.query), content)
        self.requests.append(kind)
        self.bodies.append(content)
        planned = next((plan for plan in self.plans if plan.request == kind), None)
        if planned is not None:
            self.plans.remove(planned)
            if planned.response is not None:
                return planned.response
        response = act()
        if planned is not None and planned.is_slow:
            self.closing.wait(10)
        if planned is not None:
            raise ResponseLost
        return response

    def _route(
        self, method: str, path: str, query: dict[str, list[str]], content: Any
    ) -> tuple[str, Callable[[], Response]]:
        named = re.fullmatch(r"/shipments/([^/]+)(?:/(\w+))?", path)
        if path == "/shipments":
            return f"{method} /shipments", lambda: self._create(content) if method == "POST" else self._list(query)
        assert named is not None, path
        what = named[2] or "shipment"
        return f"{method} /{what}", lambda: self._on_one(what, named[1], content)

    def _create(self, content: Any) -> Response:
        asked = content["shipment"]
        made = self.add(reference=asked.get("reference"), is_bought=False)
        for part in ("from_address", "to_address", "parcel"):
            made[part] = {"street2": None, "state": None, **asked[part]}
        made["customs_info"] = asked.get("customs_info")
        made["from_address"]["phone"] = asked["from_address"].get("phone", "").lstrip("+")
        return 201, made

    def _list(self, query: dict[str, list[str]]) -> Response:
        assert query["purchased"] == ["true"]
        newest_first = self.sold[::-1]
        if "before_id" in query:
            ids = [one["id"] for one in newest_first]
            newest_first = newest_first[ids.index(query["before_id"][0]) + 1 :]
        size = int(query["page_size"][0])
        return 200, {"shipments": newest_first[:size], "has_more": len(newest_first) > size}

    def _on_one(self, what: str, name: str, content: Any) -> Response:
        names = ("id", "reference") if self.finds_references else ("id",)
        found = next((one for one in self.shipments[::-1] if name in {one[key] for key in names}), None)
        if found is None:
            return 404, error("NOT_FOUND", "The requested resource could not be found.")
        if what == "buy":
            return self._buy(found, content["rate"]["id"])
        if what == "rerate":
            return 200, {"rates": found["rates"]}
        if what == "refund":
            self._refund(found)
        return 200, found

    @staticmethod
    def _refund(found: dict[str, Any]) -> None:
        """Submit it: "The most common initial status" (docs.easypost.com/docs/shipping-refund); ``decide`` ends it."""
        if found["refund_status"] in {None, "rejected"}:
            found["refund_status"] = "submitted"

    def decide(self, refund_status: str) -> None:
        """Have the carriers decide about all refunds: ``refunded``, ``rejected`` or ``not_applicable``."""
        for one in self.sold:
            one["refund_status"] = refund_status

    @staticmethod
    def _buy(found: dict[str, Any], rate_id: str) -> Response:
        if found["postage_label"] is not None:
            return 422, error("SHIPMENT.POSTAGE.EXISTS")
        bought = sample("shipment-bought")
        for name in ("postage_label", "tracker", "tracking_code"):
            found[name] = bought[name]
        found["selected_rate"] = next(rate for rate in found["rates"] if rate["id"] == rate_id)
        found["tracker"]["shipment_id"] = found["id"]
        return 200, found


@contextmanager
def running() -> Iterator[Aggregator]:
    aggregator = Aggregator()

    class Answering(Requests):
        def respond(self, method: str) -> Raw:
            body = self.read_bytes()
            content: Any
            if self.headers.get("Authorization") != f"Bearer {API_KEY}":
                status, content = 401, error("APIKEY.INACTIVE")
            else:
                status, content = aggregator.handle(method, self.path, body)
            text = content if isinstance(content, bytes) else json.dumps(content).encode()
            return Raw("application/json", text, status)

    with LoopbackServer(Answering, name="easypost") as server:
        aggregator.base_url = f"{server.base_url}/v2"
        yield aggregator
        aggregator.closing.set()


def tracked(shipment: dict[str, Any], status: str, *details: tuple[str, str]) -> None:
    """Have the carrier report: status and moment of each."""
    template = sample("tracker-updated")["result"]["tracking_details"][0]
    shipment["tracker"]["status"] = status
    shipment["tracker"]["tracking_details"] = [
        {**copy.deepcopy(template), "status": reported, "datetime": at} for reported, at in details
    ]


def _rename(shipment: dict[str, Any], easypost_id: str) -> None:
    shipment["id"] = easypost_id
    for number, rate in enumerate(shipment["rates"]):
        rate.update(shipment_id=easypost_id, id=f"rate_{number}_{easypost_id[4:]}")
