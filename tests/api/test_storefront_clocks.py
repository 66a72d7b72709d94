"""Test clocks over HTTP: a sandbox shop is moved through time, a live one cannot be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.tenancy import keys, models, registry
from apps.tenancy.models import KeyKind
from tests.fixtures.storefront import Front, Response, a_listing_body
from tests.unit.builders import CLOCK

pytestmark = pytest.mark.usefixtures("no_clock_left")

DAY = 86_400


def create(front: Front, body: Any = None) -> Response:
    return front.post("/v1/test_clocks", {} if body is None else body, brand=True)


def advance(front: Front, made: Response, body: Any, **options: Any) -> Response:
    return front.post(f"/v1/test_clocks/{made.json['id']}/advance", body, brand=True, **options)


def moment(ahead: timedelta) -> str:
    return (datetime.now(UTC) + ahead).isoformat()


def ahead_of_the_wall(text: str) -> timedelta:
    return datetime.fromisoformat(text) - datetime.now(UTC)


@pytest.fixture
def live(front: Front) -> Front:
    """The same shop, gone live with a test clock still in its table, and with a live key."""
    slug = front.shop.tenant.slug
    assert create(front).status == 201
    models.Tenant.objects.filter(slug=slug).update(sandbox=False)
    registry.clear()
    return Front(replace(front.shop, secret=keys.issue_api_key(slug=slug, kind=KeyKind.SECRET)), front.container)


class TestCreate:
    def test_shows_the_wall_clocks_time_and_says_where_it_is(self, front: Front) -> None:
        made = create(front)
        assert (made.status, made.headers["ETag"]) == (201, '"1"')
        assert made.headers["Location"] == f"/v1/test_clocks/{made.json['id']}"
        assert (made.json["object"], made.json["offset_seconds"]) == ("test_clock", 0)
        assert abs(ahead_of_the_wall(made.json["now"])) < timedelta(minutes=1)

    def test_begins_ahead(self, front: Front) -> None:
        made = create(front, {"now": moment(timedelta(days=60))})
        assert timedelta(days=59, hours=23) < ahead_of_the_wall(made.json["now"]) < timedelta(days=60, minutes=1)

    def test_there_is_one(self, front: Front) -> None:
        create(front)
        assert create(front).code == "409 test_clock_exists"

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"now": "2031-01-01T00:00:00"}, "/now"),
            ({"now": "tomorrow"}, "/now"),
            ({"now": 5}, "/now"),
            ({"now": ""}, "/now"),
            ({"offset_seconds": 5}, "/offset_seconds"),
        ],
    )
    def test_refuses_what_is_no_moment(self, front: Front, body: Any, pointer: str) -> None:
        response = create(front, body)
        assert (response.code, response.pointers) == ("422 validation_failed", [pointer])

    def test_refuses_moments_behind_and_far_ahead(self, front: Front) -> None:
        assert create(front, {"now": moment(timedelta(hours=-1))}).code == "409 test_clock_backwards"
        assert create(front, {"now": moment(timedelta(days=401))}).code == "409 test_clock_too_far"
        assert create(front, {"now": "9999-12-31T23:59:59-12:00"}).code == "409 test_clock_too_far"
        assert front.get("/v1/test_clocks", brand=True).json["data"] == []


class TestAdvance:
    def test_by_seconds_and_to_a_moment(self, front: Front) -> None:
        made = create(front)
        by = advance(front, made, {"seconds": 60 * DAY})
        assert (by.status, by.headers["ETag"], by.json["offset_seconds"]) == (200, '"2"', 60 * DAY)
        to = advance(front, made, {"to": moment(timedelta(days=90))})
        assert to.json["version"] == 3
        assert abs(ahead_of_the_wall(to.json["now"]) - timedelta(days=90)) < timedelta(minutes=1)

    def test_only_forward(self, front: Front) -> None:
        made = create(front)
        advance(front, made, {"seconds": DAY})
        assert advance(front, made, {"to": moment(timedelta(hours=23))}).code == "409 test_clock_backwards"
        assert front.get("/v1/test_clocks", brand=True).json["data"][0]["offset_seconds"] == DAY

    def test_only_so_far(self, front: Front) -> None:
        made = create(front)
        assert advance(front, made, {"to": moment(timedelta(days=401))}).code == "409 test_clock_too_far"
        for _ in range(9):
            assert advance(front, made, {"seconds": 400 * DAY}).status == 200
        assert advance(front, made, {"seconds": 400 * DAY}).code == "409 test_clock_too_far"
        assert advance(front, made, {"seconds": 50 * DAY}).json["offset_seconds"] == 3650 * DAY

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/to"),
            ({"to": "2031-01-01T00:00:00Z", "seconds": 5}, "/seconds"),
            ({"to": "2031-01-01T00:00:00"}, "/to"),
            ({"seconds": 0}, "/seconds"),
            ({"seconds": -1}, "/seconds"),
            ({"seconds": 1.5}, "/seconds"),
            ({"seconds": 400 * DAY + 1}, "/seconds"),
            ({"days": 1}, "/days"),
        ],
    )
    def test_takes_exactly_one_of_the_two(self, front: Front, body: Any, pointer: str) -> None:
        response = advance(front, create(front), body)
        assert (response.code, response.pointers) == ("422 validation_failed", [pointer])

    def test_moves_once_for_a_version(self, front: Front) -> None:
        made = create(front)
        first = {"If-Match": made.headers["ETag"]}
        assert advance(front, made, {"seconds": DAY}, headers=first).status == 200
        assert advance(front, made, {"seconds": DAY}, headers=first).code == "412 precondition_failed"
        assert front.get("/v1/test_clocks", brand=True).json["data"][0]["offset_seconds"] == DAY


class TestRead:
    def test_shows_the_time_the_shop_has_now(self, front: Front) -> None:
        made = create(front, {"now": moment(timedelta(days=2))})
        path = f"/v1/test_clocks/{made.json['id']}"
        shown = front.get(path, brand=True, headers={"If-None-Match": made.headers["ETag"]})
        assert shown.json["now"] > made.json["now"]
        listed = front.get("/v1/test_clocks?limit=100", brand=True).json
        assert [one["id"] for one in listed["data"]] == [made.json["id"]]
        assert (listed["has_more"], listed["next_cursor"]) == (False, None)

    def test_is_nowhere_before_it_is_made(self, front: Front) -> None:
        assert front.get("/v1/test_clocks", brand=True).json["data"] == []
        assert front.get(f"/v1/test_clocks/{CLOCK}", brand=True).code == "404 test_clock_not_found"
        assert front.get("/v1/test_clocks/now", brand=True).code == "404 test_clock_not_found"
        path = f"/v1/test_clocks/{CLOCK}/advance"
        assert front.post(path, {"seconds": 1}, brand=True).code == "404 test_clock_not_found"


class TestWhose:
    def test_is_the_brands_own_back_ends_with_the_scope(self, front: Front, narrow: Front) -> None:
        shopper = front.shopper()
        for method, path, body in (
            ("GET", "/v1/test_clocks", None),
            ("POST", "/v1/test_clocks", {}),
            ("GET", f"/v1/test_clocks/{CLOCK}", None),
            ("POST", f"/v1/test_clocks/{CLOCK}/advance", {"seconds": 1}),
        ):
            assert front.ask(method, path, body).code == "403 secret_key_required"
            assert front.ask(method, path, body, by=shopper).code == "403 secret_key_required"
            assert narrow.ask(method, path, body, brand=True).code == "403 scope_missing"

    def test_one_tenants_is_not_there_for_another_nor_its_time(self, front: Front, other_front: Front) -> None:
        made = create(front, {"now": moment(timedelta(days=30))})
        assert advance(other_front, made, {"seconds": 1}).code == "404 test_clock_not_found"
        assert other_front.get(f"/v1/test_clocks/{made.json['id']}", brand=True).code == "404 test_clock_not_found"
        body = a_listing_body(price={"amount": 12_000, "currency": "USD"})
        draft = other_front.post("/v1/listings", body, by=other_front.shopper())
        assert abs(ahead_of_the_wall(draft.json["created_at"])) < timedelta(minutes=1)

    def test_a_live_shop_has_no_such_thing(self, live: Front) -> None:
        path = f"/v1/test_clocks/{CLOCK}"
        assert create(live).code == "403 sandbox_only"
        assert live.get("/v1/test_clocks", brand=True).code == "403 sandbox_only"
        assert live.get(path, brand=True).code == "403 sandbox_only"
        assert live.post(f"{path}/advance", {"seconds": 1}, brand=True).code == "403 sandbox_only"
