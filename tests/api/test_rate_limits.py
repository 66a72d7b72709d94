"""Requests above a limit: refused with 429, without an effect, and without touching another shop."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from django.test import Client

from apps.core.fair_shares.fence import FENCE
from apps.core.fair_shares.priorities import Priority
from apps.core.fair_shares.process import LOAD, get_limiter
from apps.core.metering import Key, UsageCounts
from apps.core.serving.request_handling import BodyPending
from apps.storefront import routing
from apps.storefront.docs import ENDPOINTS
from apps.storefront.permissions import Access
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.tenants import set_limits
from resale.domain.entitlements import UNLIMITED
from resale.domain.usage import Meter
from tests.fixtures.shares import Hand
from tests.fixtures.storefront import Front, Response, a_listing_body

pytestmark = pytest.mark.usefixtures("hand")

CAUSE = Cause(by="stf_1", reason="a test")


def limit(front: Front, **limits: int) -> None:
    """Set limits of a shop; the others are out of reach."""
    set_limits(slug=front.shop.tenant.slug, limits={**msgspec.structs.asdict(UNLIMITED), **limits}, cause=CAUSE)


def statuses(times: int, send: Callable[[], Response]) -> list[int]:
    return [send().status for _ in range(times)]


@contextmanager
def running(front: Front, count: int) -> Iterator[None]:
    """Have requests of a shop under way."""
    limiter = get_limiter()
    found = [
        limiter.enter(
            front.shop.tenant, key_id=front.shop.secret.id, is_secret=True, shopper=None, priority=Priority.ORDER
        )
        for _ in range(count)
    ]
    yield
    for one in found:
        limiter.leave(one)


def set_load(count: int, key: str = "") -> None:
    """Have so many requests with a key in this process, and no others with it."""
    while LOAD.in_flight_of(key.encode()) < count:
        LOAD.enter(key.encode())
    while LOAD.in_flight_of(key.encode()) > count:
        LOAD.leave(key.encode())


class _Input:
    """A body that does not arrive."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def read(self, *_: int) -> bytes:
        raise self._error

    readline = read


class TestRateLimited:
    def test_a_shop_is_refused_above_its_limit_and_served_when_it_waited(self, front: Front, hand: Hand) -> None:
        limit(front, tenant_requests_per_second=1, tenant_burst=5)
        assert statuses(5, lambda: front.get("/v1/listings")) == [200] * 4 + [429]
        refused = front.get("/v1/listings")
        assert refused.code == "429 rate_limited"
        assert refused.headers["Content-Type"] == "application/problem+json"
        told = {name: refused.headers[name] for name in ("Retry-After", "RateLimit-Policy", "RateLimit")}
        assert told == {"Retry-After": "1", "RateLimit-Policy": '"tenant";q=5;w=5', "RateLimit": '"tenant";r=0;t=1'}
        hand.forward(1)
        assert front.get("/v1/listings").status == 200

    def test_each_key_has_a_limit(self, front: Front) -> None:
        limit(front, key_requests_per_second=1, key_burst=2)
        assert statuses(3, lambda: front.get("/v1/listings")) == [200, 429, 429]
        assert front.get("/v1/orders", brand=True).status == 200

    def test_each_shopper_has_a_limit(self, front: Front) -> None:
        limit(front, shopper_requests_per_second=1, shopper_burst=2)
        robin, kim = front.shopper(), front.shopper()
        assert statuses(3, lambda: front.get("/v1/orders", by=robin)) == [200, 200, 429]
        assert front.get("/v1/orders", by=kim).headers["RateLimit"] == '"shopper";r=1'
        assert front.get("/v1/listings").status == 200

    def test_another_shop_is_not_affected(self, front: Front, other_front: Front) -> None:
        limit(front, tenant_requests_per_second=1, tenant_burst=1)
        limit(other_front)
        assert statuses(3, lambda: front.get("/v1/listings")) == [200, 429, 429]
        assert statuses(3, lambda: other_front.get("/v1/listings")) == [200] * 3

    def test_an_order_passes_when_reads_are_refused(self, front: Front) -> None:
        limit(front, tenant_requests_per_second=1, tenant_burst=5)
        buyer = front.shopper()
        assert 429 in statuses(5, lambda: front.get("/v1/listings"))
        assert front.buy("lst_" + "0" * 32, by=buyer).code == "404 listing_not_found"

    def test_a_refused_command_records_nothing_and_its_key_can_be_used_again(self, front: Front, hand: Hand) -> None:
        limit(front, shopper_requests_per_second=1, shopper_burst=1)
        seller, headers = front.shopper(), {"Idempotency-Key": uuid.uuid4().hex}
        assert front.get("/v1/orders", by=seller).status == 200
        body = a_listing_body()
        assert front.post("/v1/listings", body, by=seller, headers=headers).code == "429 rate_limited"
        hand.forward(60)
        made = front.post("/v1/listings", body, by=seller, headers=headers)
        assert (made.status, made.headers.get("Idempotent-Replayed")) == (201, None)

    def test_what_is_admitted_is_metered(self, front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
        usage, saved = UsageCounts(), list[Mapping[Key, float]]()
        usage.save_with(saved.append, every_seconds=0)
        monkeypatch.setattr(routing, "USAGE", usage)
        limit(front, tenant_requests_per_second=1, tenant_burst=5)
        assert statuses(5, lambda: front.get("/v1/listings")) == [200] * 4 + [429]
        usage.flush()
        ((tenant_id, _, meter),) = saved[0]
        assert (tenant_id, meter, list(saved[0].values())) == (front.shop.tenant.id, Meter.API_REQUESTS, [4])

    def test_closes_its_key_to_reads_until_the_next_token(self, front: Front) -> None:
        limit(front, tenant_requests_per_second=1, tenant_burst=1)
        key = front.shop.publishable.text.encode()
        assert front.get("/v1/listings").status == 200
        began = time.monotonic()  # whatever time the response takes, the key was closed at this moment
        assert FENCE.find(key, began) is None
        assert front.get("/v1/listings").status == 429
        closed = FENCE.find(key, began)
        assert closed is not None
        assert (closed.tenant.slug, closed.key_id) == (front.shop.tenant.slug, front.shop.publishable.id)
        assert FENCE.find(key, time.monotonic() + 1) is None

    def test_a_caller_without_a_shop_counts_nowhere(self, front: Front) -> None:
        limit(front, tenant_requests_per_second=1, tenant_burst=2)
        for _ in range(5):
            assert front.get("/v1/listings", headers={"Authorization": "Bearer nonsense"}).status == 401
        assert front.get("/v1/listings").status == 200

    def test_a_page_of_the_shop_may_read_the_fields(self, front: Front) -> None:
        limit(front, tenant_requests_per_second=1, tenant_burst=1)
        headers = {"Origin": front.shop.tenant.allowed_origins[0]}
        exposed = front.get("/v1/listings", headers=headers).headers["access-control-expose-headers"]
        assert {"ratelimit", "ratelimit-policy", "retry-after"} <= set(exposed.split(", "))
        refused = front.get("/v1/listings", headers=headers)
        assert (refused.status, refused.headers["access-control-allow-origin"]) == (429, headers["Origin"])


class TestBulkhead:
    def test_a_shop_with_too_many_requests_under_way_is_refused(self, front: Front, other_front: Front) -> None:
        limit(front, concurrent_requests=2)
        limit(other_front, concurrent_requests=2)
        with running(front, 2):
            refused = front.get("/v1/listings")
            assert refused.code == "429 rate_limited"
            assert refused.headers["RateLimit-Policy"] == '"concurrent";q=2;qu="concurrent-requests"'
            assert other_front.get("/v1/listings").status == 200
        assert front.get("/v1/listings").status == 200

    @pytest.mark.parametrize("path", ["/v1/listings/nonsense", "/v1/listings?nonsense=1", "/v1/ledger_transactions"])
    def test_a_refusal_leaves_its_place(self, front: Front, path: str) -> None:
        limit(front, concurrent_requests=1)
        assert [status >= 400 for status in statuses(3, lambda: front.get(path))] == [True] * 3
        assert front.get("/v1/listings").status == 200

    def test_a_failure_of_ours_leaves_its_place(self, front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
        limit(front, concurrent_requests=1)
        with monkeypatch.context() as patched:
            patched.setattr(front.container, "reader", lambda _: 1 / 0)
            path, headers = "/v1/listings", {"X-API-Key": front.shop.publishable.text}
            found = [Client(raise_request_exception=False).get(path, headers=headers).status_code for _ in range(3)]
        assert found == [500] * 3
        assert front.get("/v1/listings").status == 200

    def test_a_client_that_hangs_up_leaves_its_place(self, front: Front) -> None:
        limit(front, concurrent_requests=1)
        for _ in range(3):
            assert _send_body(front, OSError("gone")).status_code == 408
        assert front.get("/v1/listings").status == 200

    def test_a_request_whose_body_is_late_counts_once(self, front: Front) -> None:
        limit(front, concurrent_requests=1, tenant_requests_per_second=1, tenant_burst=2)
        for _ in range(5):
            with pytest.raises(BodyPending):
                _send_body(front, BodyPending())
        assert front.get("/v1/listings").status == 200

    def test_an_export_keeps_its_place_until_its_last_byte(self, front: Front) -> None:
        limit(front, concurrent_requests=1)
        headers = {"X-API-Key": front.shop.secret.text}
        export = Client().get("/v1/ledger/journal?month=2026-01", headers=headers)
        assert (export.status_code, export.streaming) == (200, True)
        assert front.get("/v1/listings").code == "429 rate_limited"
        list(export)
        export.close()
        assert front.get("/v1/listings").status == 200


class TestLoad:
    @pytest.fixture(autouse=True)
    def _load(self) -> Iterator[None]:
        yield
        for key in list(LOAD._by_key):
            set_load(0, key.decode())

    def test_sheds_reports_then_reads_then_writes_and_orders_last(self, front: Front) -> None:
        buyer, order = front.shopper(), "lst_" + "0" * 32
        found = []
        for load in (0, 17, 65, 129, 257):
            for key in (front.shop.publishable, front.shop.secret):
                set_load(load, key.text)
            report = front.get("/v1/ledger/balances", brand=True)
            read = front.get("/v1/listings")
            write = front.post(f"/v1/listings/{order}/withdraw", by=buyer)
            submitted = front.buy(order, by=buyer)
            found.append([one.status == 503 for one in (report, read, write, submitted)])
        assert found == [[position < dropped for position in range(4)] for dropped in range(5)]

    def test_tells_when_to_retry(self, front: Front) -> None:
        set_load(1000)
        refused = front.get("/v1/listings")
        assert (refused.code, refused.headers["Retry-After"]) == ("503 overloaded", "1")

    def test_never_drops_a_partners_webhook_or_a_health_check(self, front: Front) -> None:
        limit(front, tenant_requests_per_second=1, tenant_burst=1)
        assert front.get("/v1/listings").status == 200
        set_load(10**4)
        assert front.post(f"/v1/hooks/con_{'0' * 32}", {}).status == 404  # looked up, so not dropped
        assert Client().get("/healthz").status_code == 200


class TestDeclarations:
    def test_orders_and_webhooks_have_the_priorities_that_they_need(self) -> None:
        by_rank: dict[Priority, set[str]] = {}
        for endpoint in ENDPOINTS:
            by_rank.setdefault(endpoint.rank, set()).add(endpoint.id)
        assert by_rank[Priority.ORDER] == {"submitOrder"}
        assert by_rank[Priority.ESSENTIAL] == {"receiveHook"}
        assert {"getJournal", "getOrderHistory"} <= by_rank[Priority.BATCH]
        assert all(one.method == "get" for one in ENDPOINTS if one.rank in {Priority.READ, Priority.BATCH})

    def test_every_endpoint_for_a_shop_documents_the_refusal_in_one_response(self) -> None:
        document: dict[str, Any] = Client().get("/v1/openapi.json").json()
        for endpoint in ENDPOINTS:
            refusal = document["paths"][endpoint.path][endpoint.method]["responses"].get("429")
            name = "TooManyRequestsOfSubmitOrder" if endpoint.has_waiting_line else "TooManyRequests"
            limited = {"$ref": f"#/components/responses/{name}"}
            assert refusal == (None if endpoint.access in {Access.ANYBODY, Access.OPERATOR} else limited), endpoint.id
        headers = document["components"]["responses"]["TooManyRequests"]["headers"]
        assert {"Retry-After", "RateLimit", "RateLimit-Policy"} <= headers.keys()


def _send_body(front: Front, error: BaseException) -> Any:
    """Send a command whose body fails to arrive."""
    headers = {"X-API-Key": front.shop.publishable.text, "Authorization": f"Bearer {front.shop.token('robin')}"}
    stream: dict[str, Any] = {"wsgi.input": _Input(error)}
    return Client().generic("POST", "/v1/listings", b"{}", "application/json", headers=headers, **stream)
