"""The load of a rehearsal: shoppers who sell, buy and look around the whole time, through the load balancer."""

import itertools
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from deploy.local.journey.client import Response
from tests.e2e.sales import Sale, Sales
from tests.e2e.shops import insist

_SHOPPERS: Final = 4
_READERS: Final = 2
_READ_PAUSE_SECONDS: Final = 0.1  # of a reader, between two requests
_SHOPPER_PAUSE_SECONDS: Final = 0.5  # between two orders


class Traffic:
    """Shoppers and readers. Each order is kept under the scene in which it was submitted."""

    def __init__(self, sales: Sales) -> None:
        self.scene = ""
        self.failures: list[str] = []
        self._sales = sales
        self._submitted: list[tuple[str, Sale]] = []
        self._last_listing = ""
        self._numbers = itertools.count()
        self._stopping = threading.Event()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Send requests for as long as the block runs, then let all shoppers end what they began, unless it failed."""
        bodies = [*([self._shop] * _SHOPPERS), *([self._read] * _READERS)]
        threads = [threading.Thread(target=self._run, args=(body,), daemon=True) for body in bodies]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
        for thread in threads:
            thread.join()

    def submitted(self, scene: str | None = None) -> list[Sale]:
        """List the sales that were submitted, in one scene or in all."""
        return [sale for of, sale in [*self._submitted] if scene in {None, of}]

    def _run(self, body: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                body()
            except Exception:  # noqa: BLE001 - whatever a shopper could not do is a finding, and the next one comes
                self.failures.append(f"{self.scene}: {traceback.format_exc(limit=-3)}")

    def _shop(self) -> None:
        number = next(self._numbers)
        listed = self._sales.list_one(number)
        self._last_listing = listed[1]
        sale = self._sales.submit(number, listed)
        self._submitted.append((self.scene, sale))
        self._sales.follow(sale)
        self._stopping.wait(_SHOPPER_PAUSE_SECONDS)

    def _read(self) -> None:
        public = self._sales.shop.public
        self._expect("/v1/listings?market=GB&limit=20", public.get)
        if self._last_listing:
            self._expect(f"/v1/listings/{self._last_listing}", public.get)

    def _expect(self, path: str, get: Callable[[str], Response]) -> None:
        response = insist(lambda: get(path))
        assert response.status == 200, (path, response.status, response.content[:300])
        self._stopping.wait(_READ_PAUSE_SECONDS)
