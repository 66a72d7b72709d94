"""The client address of a request, also behind proxies."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

_IPV6_SITE_BITS = 64  # what one customer is given at least, so one address of it means nothing (RFC 6177)


def client_address(request: HttpRequest) -> str:
    """Return the client's address: the entry of X-Forwarded-For that the outermost trusted proxy added.

    ``PROXY_HOPS`` proxies are trusted. Each appends the address it saw, so whatever a client sent stays to the left of
    what they appended and is never read. An IPv6 address is returned as its /64 network.
    """
    return address_of(peer=request.META.get("REMOTE_ADDR", ""), forwarded=request.META.get("HTTP_X_FORWARDED_FOR", ""))


def address_of(*, peer: str, forwarded: str) -> str:
    """Return the client's address from the peer of the connection and from X-Forwarded-For."""
    hops: int = settings.PROXY_HOPS
    entries = forwarded.split(",") if hops else []
    nearest = entries[-min(hops, len(entries))] if entries else ""
    return _site(_parse(nearest) or _parse(peer)) or peer


def _parse(entry: str) -> IPv4Address | IPv6Address | None:
    """Parse an address with an optional port: an ALB can append it (``routing.http.xff_client_port.enabled``)."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _site(address: IPv4Address | IPv6Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), _IPV6_SITE_BITS), strict=False))
    return "" if address is None else str(address)
