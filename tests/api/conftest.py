"""A small API to try the base with: each door is a lean view that does nothing but what the test is about."""

from types import ModuleType
from typing import Annotated, Any

import msgspec
import pytest
from django.http import HttpResponse
from django.urls import include, path
from pytest_django import Settings
from rest_framework.request import Request

from apps.core.requests import Body, decode_body, decode_query, read_json
from apps.core.views import LeanAPIView, json_response
from apps.tenancy.authentication import Caller, require_scope, require_shopper
from apps.tenancy.scopes import Scope
from resale.errors import Conflict, NotFound, Rejected, Unavailable


class Price(Body, frozen=True, kw_only=True):
    """A nested part."""

    amount: Annotated[int, msgspec.Meta(ge=0, le=10**11)]


class Thing(Body, frozen=True, kw_only=True):
    """A body."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    price: Price
    extra: dict[str, str] = msgspec.field(default_factory=dict)
    anything: Any = None


class Window(Body, frozen=True, kw_only=True):
    """A query."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class Who(LeanAPIView):
    """Says who asks."""

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002 - Django's signature
        caller: Caller = self.caller
        shopper = caller.shopper.subject if caller.shopper else None
        said = {"tenant": caller.tenant.slug, "kind": caller.key_kind, "key": caller.key_id, "shopper": shopper}
        return json_response(msgspec.json.encode(said))


class Shoppers(LeanAPIView):
    """For shoppers only."""

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002 - as above
        return json_response(msgspec.json.encode(require_shopper(self.caller)))


class Moderators(LeanAPIView):
    """For the brand only."""

    def post(self, request: Request) -> HttpResponse:  # noqa: ARG002 - as above
        require_scope(self.caller, Scope.LISTINGS_MODERATE)
        return json_response(b"{}")


class Things(LeanAPIView):
    """Takes a body, and a query."""

    def get(self, request: Request) -> HttpResponse:
        return json_response(msgspec.json.encode(decode_query(request, Window)))

    def post(self, request: Request) -> HttpResponse:
        thing, _ = decode_body(read_json(request), Thing)
        return json_response(msgspec.json.encode(thing), status=201)


_RAISED = {
    "missing": NotFound("Nothing there."),
    "refused": Rejected("No."),
    "raced": Conflict(),
    "later": Unavailable(retry_after_seconds=7),
    "broken": KeyError("jane@example.org"),
}


class Broken(LeanAPIView):
    """Ends in an exception."""

    def get(self, request: Request, name: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        raise _RAISED[name]


def _urls() -> ModuleType:
    module = ModuleType("base_urls")
    module.__dict__["urlpatterns"] = [
        path("v1/who", Who.as_view()),
        path("v1/shoppers", Shoppers.as_view()),
        path("v1/moderation", Moderators.as_view()),
        path("v1/things", Things.as_view()),
        path("v1/broken/<str:name>", Broken.as_view()),
        path("", include("config.urls")),
    ]
    for name in ("handler400", "handler403", "handler404", "handler500"):
        module.__dict__[name] = f"apps.core.problems.{_HANDLERS[name]}"
    return module


_HANDLERS = {
    "handler400": "bad_request",
    "handler403": "permission_denied",
    "handler404": "not_found",
    "handler500": "server_error",
}


@pytest.fixture
def _base_api(settings: Settings) -> None:
    """Hang the small API beside the platform's own paths."""
    settings.ROOT_URLCONF = _urls()
