"""The address a request came from: the connection's, or what a trusted proxy says."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from apps.core.client_ip import client_address

PEER = "10.0.0.1"


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, None, PEER),
        (0, "203.0.113.1", PEER),  # nobody before us: anybody can write this
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "198.51.100.1, 203.0.113.1", "203.0.113.1"),
        (1, "198.51.100.1,203.0.113.1:50123", "203.0.113.1"),
        (1, None, PEER),
        (1, "", PEER),
        (1, "198.51.100.1, unknown", PEER),
        (2, "203.0.113.1, 130.176.0.1", "203.0.113.1"),
        (2, "198.51.100.1, 203.0.113.1, 130.176.0.1", "203.0.113.1"),
        (2, "203.0.113.1", "203.0.113.1"),  # past CloudFront, straight to the load balancer
        (1, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        (1, "[2001:db8:1:2:9::9]:50123", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.1", "203.0.113.1"),
    ],
)
def test_client_address(hops: int, forwarded: str | None, address: str, settings: Settings) -> None:
    settings.PROXY_HOPS = hops
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=PEER)) == address


def test_a_socket_without_an_address_is_one_client(settings: Settings) -> None:
    settings.PROXY_HOPS = 0
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) == ""
