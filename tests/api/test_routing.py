"""From declarations to views: what an endpoint forgets is refused at import, and its handler takes what it declares."""

import inspect
import re
from typing import Any, get_args, get_type_hints

import pytest

from apps.storefront.context import Context
from apps.storefront.docs import ENDPOINTS
from apps.storefront.endpoint import AnyEndpoint, Endpoint
from apps.storefront.permissions import Access
from apps.storefront.routing import urls_of
from apps.storefront.urls import urlpatterns


def an_endpoint(**declared: Any) -> Endpoint[Any, Any]:
    fields = {"method": "get", "path": "/v1/things", "access": Access.KEY, **declared}
    return Endpoint(id="getThings", tag="Things", summary="Things", **fields)


def handle(context: Context[None, None], /, **_: str) -> object:
    return context


class TestDeclarations:
    def test_one_without_a_handler_is_refused(self) -> None:
        with pytest.raises(TypeError, match="getThings has no handler"):
            urls_of([an_endpoint()])

    def test_one_whose_path_has_a_part_of_no_kind_is_refused(self) -> None:
        with pytest.raises(TypeError, match="colour"):
            urls_of([an_endpoint(path="/v1/things/{colour}")(handle)])

    def test_access_cannot_be_left_out(self) -> None:
        with pytest.raises(TypeError, match="access"):
            Endpoint(method="get", path="/v1/things", id="getThings", tag="Things", summary="Things")  # type: ignore[call-arg]  # mypy refuses it, too


class TestHandlers:
    @pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.id)
    def test_take_the_parts_of_their_path(self, endpoint: AnyEndpoint) -> None:
        assert endpoint.handler is not None
        parts = dict.fromkeys(re.findall(r"{(\w+)}", endpoint.path), "x")
        assert inspect.signature(endpoint.handler).bind(None, **parts).arguments

    @pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.id)
    def test_expect_the_query_and_body_that_are_declared(self, endpoint: AnyEndpoint) -> None:
        taken = get_args(get_type_hints(endpoint.handler)["context"])
        assert taken == (endpoint.query or type(None), endpoint.body or type(None))


def test_hot_paths_are_matched_first() -> None:
    hot = [one.path for one in ENDPOINTS if one.is_hot]
    first = ["/v1/" + re.sub(r"<str:(\w+)>", r"{\1}", str(one.pattern)) for one in urlpatterns]
    assert hot
    assert first[: len(set(hot))] == list(dict.fromkeys(hot))
