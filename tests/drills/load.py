"""Shoppers who order all the time, also while the shop is frozen, and what each of them was told."""

import http.client
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.e2e.shops import Shop

_PAUSE: Final = 0.5  # seconds between two attempts at one order
_THINKING: Final = 4.0  # seconds between two orders of one shopper


@dataclass(frozen=True)
class Placed:
    """An order that the shop accepted: its key, and when the request was sent and the response came."""

    order_id: str
    sent_at: datetime
    at: datetime


@dataclass
class Load:
    """Orders of a list of listings, by some shoppers at once. Repeats an order under its key until it is decided."""

    shop: Shop
    listings: Iterator[str]
    placed: list[Placed] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)  # listing and code
    frozen_count: int = 0  # responses 503 tenant_frozen
    failed_count: int = 0  # other 503 and lost connections, which were repeated
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def running(self, shoppers: int) -> Iterator["Load"]:
        """Order until the block ends."""
        threads = [threading.Thread(target=self._order_all, name=f"shopper-{n}") for n in range(shoppers)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def accepted(self, *, since: datetime | None = None) -> list[Placed]:
        """The orders that were accepted, or those since a moment."""
        return [one for one in list(self.placed) if since is None or one.at >= since]

    def await_accepted(self, count: int, *, since: datetime | None = None, seconds: float = 300.0) -> None:
        """Wait for so many accepted orders."""
        _await(lambda: len(self.accepted(since=since)) >= count, f"{count} orders are accepted", seconds)

    def _order_all(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                listing_id = next(self.listings, None)
            if listing_id is None:
                return
            self._order(listing_id)
            self._stopping.wait(_THINKING)

    def _order(self, listing_id: str) -> None:
        buyer, key, sent_at = self.shop.shopper(), uuid.uuid4().hex, datetime.now(UTC)
        body = {"listing_id": listing_id, "shipping_address": buyer.address, "payment_token": "tok_ok"}
        while not self._stopping.is_set():
            try:
                response = buyer.client.post("/v1/orders", body, Idempotency_Key=key)
            except (OSError, http.client.HTTPException):
                self.failed_count += 1
            else:
                if response.status == 202:
                    self.placed.append(Placed(str(response.json["id"]), sent_at, datetime.now(UTC)))
                    return
                if response.status != 503:
                    self.refused.append((listing_id, str(response.code)))
                    return
                if response.code == "tenant_frozen":
                    self.frozen_count += 1
                else:
                    self.failed_count += 1
            self._stopping.wait(_PAUSE)


def _await(is_done: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline, f"waited {seconds:g} s until {what}"
        time.sleep(0.1)
