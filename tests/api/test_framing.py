"""How a response's end is known: by a length where there is a body, and where there is none by nothing."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from apps.core.middleware import RequestMiddleware


def passed(view: Callable[[HttpRequest], HttpResponse], method: str = "GET") -> HttpResponse:
    response = RequestMiddleware(view)(RequestFactory().generic(method, "/v1/things"))
    assert isinstance(response, HttpResponse)
    return response


class TestLength:
    def test_is_said_of_a_body(self) -> None:
        assert passed(lambda _: HttpResponse(b"four")).headers["Content-Length"] == "4"

    def test_is_said_of_an_empty_body(self) -> None:
        assert passed(lambda _: HttpResponse(status=404)).headers["Content-Length"] == "0"

    @pytest.mark.parametrize("status", [204, 304])
    def test_is_not_said_where_no_body_may_be(self, status: int) -> None:
        response = passed(lambda _: HttpResponse(status=status, headers={"Content-Length": "0"}))
        assert "Content-Length" not in response.headers

    def test_is_all_that_a_head_gets(self) -> None:
        response = passed(lambda _: HttpResponse(b"four"), "HEAD")
        assert (response.headers["Content-Length"], response.content) == ("4", b"")

    def test_of_a_head_is_that_of_its_get(self, client: Client) -> None:
        lengths = {client.generic(method, "/healthz").headers["Content-Length"] for method in ("HEAD", "GET")}
        assert len(lengths) == 1
