"""Signing in to the admin: who tries, in which browser, and the pages for too many and too busy."""

import secrets
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import salted_hmac

from apps.core.client_ip import client_address
from apps.core.concurrency import ConcurrencyLimitError
from apps.tenancy.accounts import normalise_account
from apps.tenancy.sign_ins import Attempt

DEVICE_AGE: Final = timedelta(days=90)
_SALT: Final = "apps.backoffice.sign_in"


def attempt_of(request: HttpRequest) -> Attempt:
    """Name the account, the address and, where it is known, the browser of a sign-in."""
    account = normalise_account(request.POST.get("username", ""))
    return Attempt(account, client_address(request), _known_device(request, account))


def remember_device(response: HttpResponse, attempt: Attempt) -> None:
    """Make the browser known for the account: later tries from it are counted by themselves.

    Source:
        OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
    """
    name, account = _cookie_name(attempt.account), _hash(attempt.account)
    device = attempt.device or secrets.token_urlsafe(16)
    response.set_cookie(
        name,
        signing.dumps([account, device], salt=_SALT),
        max_age=DEVICE_AGE,
        path=reverse("admin:login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def render_too_many_attempts(request: HttpRequest, retry_after_seconds: int) -> HttpResponse:
    """Refuse a sign-in for a while; the page is the same for accounts that exist and for those that do not."""
    minutes = -(-retry_after_seconds // 60)
    page = render(request, "429.html", {"minutes": minutes}, status=HTTPStatus.TOO_MANY_REQUESTS)
    page["Retry-After"] = str(retry_after_seconds)
    return page


def render_busy(request: HttpRequest) -> HttpResponse:
    """Ask for a moment's patience: other passwords are being checked."""
    page = render(request, "busy.html", status=HTTPStatus.TOO_MANY_REQUESTS)
    page["Retry-After"] = str(ConcurrencyLimitError.retry_after_seconds)
    return page


def _known_device(request: HttpRequest, account: str) -> str | None:
    cookie = request.COOKIES.get(_cookie_name(account), "")
    try:
        known, device = signing.loads(cookie, salt=_SALT, max_age=DEVICE_AGE)
    except (signing.BadSignature, ValueError):
        return None
    return str(device) if known == _hash(account) else None


def _cookie_name(account: str) -> str:
    return f"resale_device_{_hash(account)[:12]}"


def _hash(account: str) -> str:
    return salted_hmac(_SALT, account, algorithm="sha256").hexdigest()
