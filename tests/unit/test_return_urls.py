"""Where a bank may send a shopper back to: pages of the tenant's own origins, and the order's id added properly."""

from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from resale.domain.ids import OrderId
from resale.domain.return_urls import check_return_url, with_order_id
from resale.domain.tenants import Tenant
from resale.errors import Invalid
from tests.adapters import partners
from tests.unit.builders import ORDER

SHOP = "https://northwind.example"


def a_tenant(*, sandbox: bool) -> Tenant:
    return msgspec.structs.replace(
        partners.a_tenant("a"), sandbox=sandbox, allowed_origins=(SHOP, "http://plain.example")
    )


LIVE, SANDBOX = a_tenant(sandbox=False), a_tenant(sandbox=True)


def refusal(url: str, of: Tenant) -> str | None:
    try:
        check_return_url(url, tenant=of)
    except Invalid as error:
        (only,) = error.errors
        assert only.pointer == "/return_url"
        return only.code
    return None


class TestCheckReturnURL:
    @pytest.mark.parametrize(
        "path", ["", "/", "/orders/thanks", "/orders?step=3&from=bank", "/a%20b/?", "/@me?q=a:b/c?d"]
    )
    def test_takes_any_page_of_an_allowed_origin(self, path: str) -> None:
        assert refusal(SHOP + path, LIVE) is None

    @pytest.mark.parametrize(
        "url",
        [
            "https://northwind.example.evil.example/",
            "https://evil.example/northwind.example",
            "https://www.northwind.example/",
            "https://northwind.example:8443/",
            "http://northwind.example/",
            "https://xn--80ak6aa92e.example/",
        ],
    )
    def test_refuses_another_origin(self, url: str) -> None:
        assert refusal(url, LIVE) == "origin_not_allowed"

    @pytest.mark.parametrize(
        "url",
        [
            "https://shopper@northwind.example/",
            "https://northwind.example@evil.example/",
            "https://evil.example\\@northwind.example/",
            "https://northwind.example\\.evil.example/",
            "https://northwind.example/#/orders",
            "https://northwind.example/#",
            "https://northwind.example/\n",
            "https://northwind.example/\t",
            " https://northwind.example/",
            "https://northwind.example/a b",
            "https://northwind.example/%zz",
            "https://northwind.example/<script>",
            'https://northwind.example/"',
            "https://northwind.example./",
            "https://NORTHWIND.example/",
            "HTTPS://northwind.example/",
            "//northwind.example/",
            "/orders",
            "javascript:alert(1)//https://northwind.example/",
            "data:text/html,https://northwind.example/",
            "https:northwind.example/",
            "https:///northwind.example/",
            "https://northwind.example/\N{KATAKANA LETTER A}",
            "https://north\N{CYRILLIC SMALL LETTER U}ind.example/",
        ],
    )
    def test_refuses_what_browsers_and_libraries_read_in_two_ways(self, url: str) -> None:
        assert refusal(url, LIVE) == "wrong_format"
        assert refusal(url, SANDBOX) == "wrong_format"

    def test_refuses_plain_http_though_the_origin_is_listed(self) -> None:
        assert refusal("http://plain.example/", LIVE) == "wrong_format"
        assert refusal("http://plain.example/", SANDBOX) == "wrong_format"

    @pytest.mark.parametrize("origin", ["http://localhost:3000", "http://localhost", "http://127.0.0.1:5173"])
    def test_takes_the_developers_own_machine_at_a_sandbox_tenant_only(self, origin: str) -> None:
        assert refusal(f"{origin}/back?x=1", SANDBOX) is None
        assert refusal(f"{origin}/back?x=1", LIVE) == "origin_not_allowed"
        assert refusal(origin.replace("http://", "http://northwind.") + "/", SANDBOX) == "origin_not_allowed"

    @pytest.mark.parametrize("query", ["order_id=ord_1", "a=b&order%5Fid=1", "order_id"])
    def test_refuses_an_order_id_that_is_not_ours(self, query: str) -> None:
        assert refusal(f"{SHOP}/?{query}", LIVE) == "reserved"
        assert refusal(f"{SHOP}/?my_order_id=1&q=order_id", LIVE) is None


class TestWithOrderId:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            (SHOP, f"{SHOP}/?order_id={ORDER}"),
            (f"{SHOP}/back", f"{SHOP}/back?order_id={ORDER}"),
            (f"{SHOP}/back?", f"{SHOP}/back?order_id={ORDER}"),
            (f"{SHOP}/back?a=1", f"{SHOP}/back?a=1&order_id={ORDER}"),
            (f"{SHOP}/back?a=1&", f"{SHOP}/back?a=1&order_id={ORDER}"),
            (f"{SHOP}?a=b?c/d//e", f"{SHOP}/?a=b?c/d//e&order_id={ORDER}"),
        ],
    )
    def test_keeps_the_page_and_its_query(self, url: str, expected: str) -> None:
        assert with_order_id(url, ORDER) == expected
        assert dict(parse_qsl(urlsplit(expected).query))["order_id"] == OrderId(ORDER)
