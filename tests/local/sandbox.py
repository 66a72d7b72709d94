"""A sandbox provider in this process, and how to speak to it over HTTP."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import msgspec

from deploy.local.payments.server import PaymentsServer

LOST = (http.client.RemoteDisconnected, ConnectionResetError)


def call(
    server: PaymentsServer | str, method: str, path: str, body: object = None, *, account: str | None = "northwind"
) -> tuple[int, Any]:
    """Ask; return the status and the response, read."""
    base_url = server if isinstance(server, str) else server.base_url
    content = body if isinstance(body, bytes) else None if body is None else msgspec.json.encode(body)
    headers: Mapping[str, str] = {} if account is None else {"X-Sandbox-Account": account}
    request = urllib.request.Request(  # noqa: S310 - our own server
        base_url + path, data=content, method=method, headers=dict(headers)
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - same
            text = response.read()
            is_json = response.headers["Content-Type"] == "application/json"
            return response.status, msgspec.json.decode(text) if is_json else text.decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, msgspec.json.decode(error.read())


def post(server: PaymentsServer | str, path: str, body: object = None, **options: Any) -> dict[str, Any]:
    """Ask for something that is done; return the response."""
    status, response = call(server, "POST", path, body, **options)
    assert status == 200, response
    return dict(response)


def books(server: PaymentsServer | str, *, account: str | None = "northwind") -> dict[str, list[dict[str, Any]]]:
    """The books of an account."""
    return dict(call(server, "GET", "/books", account=account)[1])


def attempt_of(token: str, **changes: Any) -> dict[str, Any]:
    """What to authorise."""
    attempt = {"attempt_id": "pay_1", "order_id": "ord_1", "amount": 1999, "currency": "GBP", "token": token}
    return {**attempt, **changes}


def authorise(server: PaymentsServer | str, token: str = "tok_ok", **changes: Any) -> dict[str, Any]:
    """Authorise an attempt."""
    return post(server, "/payments", attempt_of(token, **changes))


def captured(server: PaymentsServer | str, token: str = "tok_ok", **changes: Any) -> dict[str, Any]:
    """Authorise an attempt and capture it."""
    attempt = authorise(server, token, **changes)
    return post(server, f"/payments/{attempt['attempt_id']}/capture")


def refund_of(refund_id: str = "ref_1", amount: int = 999, currency: str = "GBP") -> dict[str, Any]:
    """What to refund."""
    return {"refund_id": refund_id, "amount": amount, "currency": currency}


def payout_of(destination: str, **changes: Any) -> dict[str, Any]:
    """What to pay out."""
    payout = {"payout_id": "pyt_1", "amount": 1500, "currency": "GBP", "destination": destination}
    return {**payout, **changes}
