"""The journey: a jacket is listed with photos, approved and bought once, and other brands cannot see it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from threading import Barrier

from deploy.local.journey.assertions import await_state, expect, require
from deploy.local.journey.client import Client, Response
from deploy.local.journey.records import check_history
from deploy.local.journey.shops import Shop
from deploy.local.private_files import Demo, DemoTenant

_LISTING_CHANGES = ["listing.created", "listing.submitted", "listing.approved", "listing.reserved", "listing.sold"]
_ORDER_CHANGES = ["order.submitted", "order.payment_started", "order.payment_authorized", "order.confirmed"]


class Journey:
    """One sale at the first brand, observed from the others.

    ``rival_token`` is a second buyer's; ``say`` gets one line a step.
    """

    def __init__(self, demo: Demo, *, rival_token: str, currency: str, say: Callable[[str], None]) -> None:
        tenant, *self.others = demo.tenants
        self._demo, self._say = demo, say
        self._shop = Shop(demo.base_url, tenant, currency=currency, say=say)
        self._buyers = (self._shop.buyer, self._shop.shopper(rival_token))

    def play(self) -> None:
        """Run the journey.

        Raises:
            JourneyFailed: A step did not end as it should.
        """
        listing = self._shop.list_with_photos("Denim jacket, worn twice", amount=8_900)
        self._review(listing["id"])
        order_id = self._race(listing["id"])
        self._await_sale(listing["id"], order_id)
        self._read_histories(listing["id"], order_id)
        self._check_other_tenants(listing["id"], order_id)

    # ---------------------------------------------------------------- the brand
    def _review(self, listing_id: str) -> None:
        shop = self._shop
        hidden = shop.public.get(f"/v1/listings/{listing_id}")
        expect(hidden, HTTPStatus.NOT_FOUND, to="hide a draft from the public")
        pending = expect(shop.seller.post(f"/v1/listings/{listing_id}/submit"), HTTPStatus.OK, to="submit")
        self._check_private(pending["photos"][0]["renditions"][0]["url"])
        photo = shop.approve(listing_id)["photos"][0]["renditions"][0]["url"]
        await_state(
            lambda: Client(photo).get().status,
            lambda status: status == HTTPStatus.OK,
            until="the approved photo is public",
        )
        expect_photo(Client(photo).get())
        self._say(f"  its photo: {photo}")

    def _check_private(self, link: str) -> None:
        """Check that a photo that waits for approval opens by its link alone."""
        expect_photo(Client(link).get())
        unsigned = Client(link.partition("?")[0]).get().status
        require(unsigned == HTTPStatus.FORBIDDEN, f"a photo that nobody approved responded with {unsigned}")
        self._say("  until staff approve it, its photos open by signed links alone")

    # ---------------------------------------------------------------- the buyers
    def _race(self, listing_id: str) -> str:
        self._say("two buyers press “buy” at the same moment")
        start = Barrier(len(self._buyers))

        def buy(buyer: Client) -> Response:
            start.wait()
            return self._shop.buy(listing_id, buyer=buyer)

        with ThreadPoolExecutor(len(self._buyers)) as crowd:
            winner, loser = sorted(crowd.map(buy, self._buyers), key=lambda response: response.status)
        order = expect(winner, HTTPStatus.ACCEPTED, to="let one buyer win")
        expect(loser, HTTPStatus.CONFLICT, to="refuse the other")
        require(loser.code == "listing_not_for_sale", f"the loser received {loser.code}")
        self._say(f"  one gets {winner.status}: {order['id']}; the other {loser.status}: {loser.code}")
        return str(order["id"])

    def _await_sale(self, listing_id: str, order_id: str) -> None:
        order = self._shop.await_order(order_id, "confirmed", "awaiting_shipment", until="the order is paid")
        amounts = order["amounts"]
        self._say(f"  the order is {order['status']}: {amounts['grand_total'] / 100:.2f} {amounts['currency']}")
        listing = expect(self._shop.public.get(f"/v1/listings/{listing_id}"), HTTPStatus.OK, to="read the sold listing")
        require(listing["status"] == "sold", f"paid, but the listing is {listing['status']}")
        self._say(f"  the listing is {listing['status']}")

    # ---------------------------------------------------------------- the record
    def _read_histories(self, listing_id: str, order_id: str) -> None:
        self._read_history(f"/v1/listings/{listing_id}", _LISTING_CHANGES)
        self._read_history(f"/v1/orders/{order_id}", _ORDER_CHANGES)

    def _read_history(self, path: str, changes: list[str]) -> None:
        history = await_state(
            lambda: expect(self._shop.brand.get(f"{path}/history"), HTTPStatus.OK, to="read history"),
            lambda seen: bool(seen["verification"]["verified"]),
            until=f"the history of {path} is complete",
        )
        self._say(f"history of {path.rsplit('/', 1)[1]}:")
        for line in check_history(history, changes):
            self._say(f"  {line}")

    # ---------------------------------------------------------------- the other brands
    def _check_other_tenants(self, listing_id: str, order_id: str) -> None:
        paths = [f"/v1/listings/{listing_id}", f"/v1/orders/{order_id}"]
        for other in self.others:
            self._check_other_tenant(other, paths)

    def _check_other_tenant(self, other: DemoTenant, paths: list[str]) -> None:
        strangers = {
            "publishable key": Client(self._demo.base_url, {"X-API-Key": other.publishable_key}),
            "secret key": Client(self._demo.base_url, {"X-API-Key": other.secret_key}),
            "shopper": Shop(self._demo.base_url, other, currency=self._shop.currency, say=self._say).buyer,
        }
        for name, stranger in strangers.items():
            for path in (*paths, *(f"{path}/history" for path in paths)):
                response = stranger.get(path)
                unseen = response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}
                require(unseen, f"{other.slug}'s {name} got {response.status} at {path}")
        name = self._shop.tenant.slug
        mixed = {"X-API-Key": other.publishable_key, "Authorization": f"Bearer {self._shop.tenant.buyer_token}"}
        both = Client(self._demo.base_url, mixed).get(paths[0])
        require(both.status == HTTPStatus.UNAUTHORIZED, f"a token of {name} was accepted at {other.slug}")
        self._say(f"{other.slug}'s keys and shoppers see none of it; a token of {name} is refused there")


def expect_photo(response: Response) -> None:
    """Verify that a response is a photo."""
    require(response.status == HTTPStatus.OK, f"the photo responded with {response.status}")
    require(response.headers.get("content-type", "").startswith("image/"), "the photo is not an image")
