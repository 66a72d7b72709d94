"""``kill -9`` of every process while shoppers shop: nothing is lost, nothing is done twice, all of it ends well."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.machine import Machine, eventually
from tests.e2e.processes import ROLES, Process, descendants_of, outlives_kills
from tests.e2e.shops import Picture, Shop, Shopper, insist, seen, send_picture
from tests.fixtures.pictures import jpeg, scene

pytestmark = [outlives_kills, pytest.mark.slow, pytest.mark.timeout(420)]

#: Who is killed while which order is sent, in this order; ministack was killed just before, and is coming back.
KILLED_AT_AN_ORDER = (
    ("changes", "tok_timeout"),
    ("relay", "tok_error"),
    ("dynoxide-111111111111", "tok_ok"),
    ("dynoxide-222222222222", "tok_timeout"),
    ("web", "tok_ok"),
    ("payments", "tok_timeout"),
    ("shipping", "tok_ok"),
    ("sweep", "tok_declined"),
    ("orders", "tok_error"),
    ("issuer", "tok_declined"),
)
ENDS_AS = dict.fromkeys(("tok_ok", "tok_timeout", "tok_error", "tok_slow"), "confirmed") | {"tok_declined": "cancelled"}
ENDED = {"confirmed", "cancelled"}
_SOON_SECONDS = 150.0
_RENDERS = 6  # tries at killing one in the middle


@dataclass(frozen=True)
class Sale:
    """An order that was taken, and how it has to end."""

    shop: Shop
    seller: Shopper
    buyer: Shopper
    listing_id: str
    order_id: str
    token: str
    ends_as: str


@dataclass
class Aftermath:
    """What the platform was asked for while its processes died."""

    machine: Machine
    sales: list[Sale] = field(default_factory=list)
    photographed: list[tuple[Shop, Shopper, str]] = field(default_factory=list)
    killed: list[tuple[str, Process]] = field(default_factory=list)

    def final(self, sale: Sale) -> dict[str, Any]:
        return eventually(
            lambda: seen(sale.buyer.client, f"/v1/orders/{sale.order_id}"),
            lambda order: order["status"] in ENDED,
            until=f"{sale.order_id} has ended",
            seconds=_SOON_SECONDS,
        )


class Stage:
    """Kills processes while orders, cancellations and uploads are under way."""

    def __init__(self, machine: Machine) -> None:
        self.aftermath = Aftermath(machine)
        self._machine = machine
        self._shops = {slug: Shop(machine, slug) for slug in ("northwind", "atelier")}
        self._sellers = {slug: shop.shopper() for slug, shop in self._shops.items()}
        small = Picture(jpeg(scene(64, 48)))
        self._stock = {
            slug: iter(shop.on_sale(self._sellers[slug], small, count=13 if slug == "northwind" else 1))
            for slug, shop in self._shops.items()
        }
        self._small = small

    def play(self) -> Aftermath:
        self._kill_in_mid_payment()
        self._kill_in_mid_render()
        self._lose_messages()
        for role, token in KILLED_AT_AN_ORDER:
            self._kill_at_an_order(role, token)
        self._kill_the_web_pool()
        self._cancel_in_mid_payment()
        return self.aftermath

    # ------------------------------------------------------------ deaths
    def _kill_in_mid_payment(self) -> None:
        sale = self._sell("northwind", "tok_slow")
        self._paying(sale)
        self._kill_pool("orders")
        assert sale.order_id not in {row["order_id"] for row in self._machine.books()}  # it was in mid-task

    def _kill_in_mid_render(self) -> None:
        """Kill the renderer at its work. One that was done before the kill came is let be, and the next one tried."""
        large = Picture(jpeg(scene(800, 600).replicate(10, 10)))
        for _ in range(_RENDERS):
            if self._killed_in_mid_render(large):
                return
        raise AssertionError(f"none of {_RENDERS} renderers was killed at its work")

    def _killed_in_mid_render(self, large: Picture) -> bool:
        shop, seller = self._shops["northwind"], self._sellers["northwind"]
        draft = shop.draft(seller, [large])
        (renderer,) = self._machine.children("images")
        before = _used_seconds(renderer)
        assert send_picture(draft["images"][0], large).status == 204
        eventually(lambda: _used_seconds(renderer), lambda used: used > before + 0.1, until="it renders")
        renderer.kill()
        self.aftermath.killed.append(("images", renderer))
        self.aftermath.photographed.append((shop, seller, draft["id"]))
        return bool(seen(seller.client, f"/v1/listings/{draft['id']}")["images"][0]["status"] == "awaiting_upload")

    def _lose_messages(self) -> None:
        """Kill ministack with an upload's event and a change in its queues: it forgets both.

        The upload is looked for after a minute, so this comes before most other deaths.
        """
        shop, seller = self._shops["northwind"], self._sellers["northwind"]
        draft = shop.draft(seller, [self._small])
        consumers = [self._machine.leader(role) for role in ("images", "changes")]
        for consumer in consumers:
            consumer.freeze()
        assert send_picture(draft["images"][0], self._small).status == 204
        self._sell("northwind", "tok_ok")
        eventually(
            self._machine.queue_depths,
            lambda depths: min(depths["northwind-images"], depths["northwind-changes"]) > 0,
            until="an event and a change are in their queues",
        )
        for role in ("ministack", "images", "changes"):
            self.aftermath.killed.append((role, self._machine.kill(role)))
        self.aftermath.photographed.append((shop, seller, draft["id"]))

    def _kill_at_an_order(self, role: str, token: str) -> None:
        slug = "atelier" if role == "dynoxide-222222222222" else "northwind"
        with ThreadPoolExecutor(1) as shopper:
            order = shopper.submit(self._sell, slug, token)
            self.aftermath.killed.append((role, self._machine.kill(role)))
            order.result()

    def _kill_the_web_pool(self) -> None:
        self._kill_pool("web")
        self._sell("northwind", "tok_ok")

    def _cancel_in_mid_payment(self) -> None:
        sale = self._sell("northwind", "tok_slow", ends_as="cancelled")
        self._paying(sale)
        response = insist(lambda: sale.buyer.client.post(f"/v1/orders/{sale.order_id}/cancel"))
        assert (response.status, response.json["cancel_requested"]) == (200, True), response.content

    # ------------------------------------------------------------ parts
    def _sell(self, slug: str, token: str, ends_as: str | None = None) -> Sale:
        shop = self._shops[slug]
        buyer, listing_id = shop.shopper(), next(self._stock[slug])
        order_id = shop.buy(buyer, listing_id, token)
        sale = Sale(shop, self._sellers[slug], buyer, listing_id, order_id, token, ends_as or ENDS_AS[token])
        self.aftermath.sales.append(sale)
        return sale

    def _kill_pool(self, role: str) -> None:
        for child in self._machine.children(role):
            child.kill()
            self.aftermath.killed.append((role, child))

    def _paying(self, sale: Sale) -> None:
        """Wait until the provider works on the payment."""
        order = eventually(
            lambda: seen(sale.shop.brand, f"/v1/orders/{sale.order_id}"),
            lambda found: bool(found["payment"]),
            until="the payment is begun",
        )
        attempt_id = order["payment"]["id"]
        eventually(lambda: self._machine.payment_tries(attempt_id), bool, until="the provider works on it")


@pytest.fixture(scope="module")
def aftermath(_machine: Machine) -> Aftermath:
    _machine.ensure_up()
    return Stage(_machine).play()


class TestKills:
    def test_every_order_ends_as_its_token_says(self, aftermath: Aftermath) -> None:
        ended = [(sale.order_id, aftermath.final(sale)["status"]) for sale in aftermath.sales]
        assert ended == [(sale.order_id, sale.ends_as) for sale in aftermath.sales]

    def test_every_listing_is_sold_or_on_sale_again(self, aftermath: Aftermath) -> None:
        for sale in aftermath.sales:
            status = "sold" if aftermath.final(sale)["status"] == "confirmed" else "active"
            assert seen(sale.shop.public, f"/v1/listings/{sale.listing_id}")["status"] == status

    def test_each_confirmed_order_was_paid_once_and_no_other(self, aftermath: Aftermath) -> None:
        expected = {sale.order_id: aftermath.final(sale) for sale in aftermath.sales if sale.ends_as == "confirmed"}
        ours = {sale.order_id for sale in aftermath.sales}
        captured = [
            (row["order_id"], row["amount"], row["currency"])
            for row in aftermath.machine.books()
            if row["state"] == "captured" and row["order_id"] in ours
        ]
        assert sorted(captured) == sorted(
            (order_id, order["amounts"]["grand_total"], order["amounts"]["currency"])
            for order_id, order in expected.items()
        )

    def test_a_payment_cancelled_under_way_is_given_back(self, aftermath: Aftermath) -> None:
        (cancelled,) = [sale for sale in aftermath.sales if (sale.token, sale.ends_as) == ("tok_slow", "cancelled")]
        order = aftermath.final(cancelled)
        assert order["cancel_reason"] == "buyer_cancelled"
        (booked,) = [row for row in aftermath.machine.books() if row["order_id"] == cancelled.order_id]
        assert booked["captured"] == booked["refunded"], booked
        assert booked["state"] in {"voided", "captured"}, booked  # what was captured before the cancel is refunded

    def test_every_photo_is_rendered(self, aftermath: Aftermath) -> None:
        for shop, seller, listing_id in aftermath.photographed:
            (image,) = shop.images_done(seller, listing_id, seconds=_SOON_SECONDS)
            assert (image["status"], len(image["renditions"])) == ("ready", 6)

    def test_addresses_can_be_read_by_those_who_may(self, aftermath: Aftermath) -> None:
        for sale in aftermath.sales:
            assert aftermath.final(sale)["shipping_address"] == {"line2": "", "region": "", **sale.buyer.address}
            told = seen(sale.seller.client, f"/v1/orders/{sale.order_id}")["shipping_address"]
            assert (told is not None) == (sale.ends_as == "confirmed")

    def test_every_history_is_whole(self, aftermath: Aftermath) -> None:
        for sale in aftermath.sales:
            order, listing = aftermath.final(sale), seen(sale.shop.public, f"/v1/listings/{sale.listing_id}")
            assert history_types(sale.shop, f"/v1/orders/{sale.order_id}", version=order["version"])[-1] == (
                f"order.{sale.ends_as}"
            )
            types = history_types(sale.shop, f"/v1/listings/{sale.listing_id}", version=listing["version"])
            assert types[-1] == {"confirmed": "listing.sold", "cancelled": "listing.released"}[sale.ends_as]

    def test_no_message_is_left_behind(self, aftermath: Aftermath) -> None:
        for sale in aftermath.sales:
            aftermath.final(sale)
        depths = eventually(
            aftermath.machine.queue_depths,
            lambda found: not any(found.values()),
            until="all queues are empty",
            seconds=_SOON_SECONDS,
        )
        assert {name for name in depths if name.endswith("-dlq")} == {
            f"{slug}-{purpose}-dlq"
            for slug in ("northwind", "atelier")
            for purpose in ("changes", "pipes", "orders", "images")
        }

    def test_every_process_is_back(self, aftermath: Aftermath) -> None:
        assert {role for role, _ in aftermath.killed} == {*ROLES}
        assert [process for _, process in aftermath.killed if process.is_alive] == []
        for role in ROLES:
            assert aftermath.machine.leader(role).is_alive


def history_types(shop: Shop, path: str, *, version: int) -> list[str]:
    """Wait for a history of so many versions, each hash right; return what happened."""
    history = eventually(
        lambda: seen(shop.brand, f"{path}/history?limit=100"),
        lambda found: bool(found["verification"]["verified"]),
        until=f"the history of {path} is whole",
        seconds=_SOON_SECONDS,
    )
    entries = history["data"]
    assert [entry["version"] for entry in entries] == [*range(1, version + 1)]
    return [entry["change"]["type"] for entry in entries]


def _used_seconds(renderer: Process) -> float:
    """CPU time of a worker's child and of the process that it has decode."""
    return sum(one.cpu_seconds() for one in (renderer, *descendants_of(renderer.pid)))
