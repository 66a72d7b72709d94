"""Inputs of a request beside its body: query parameters, preconditions and keys; and empty bodies."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec
from django.http import HttpRequest
from msgspec import UNSET, UnsetType

from apps.core.problems import HTTPError, PreconditionFailed
from apps.core.requests import Body, SentBody, decode_query
from resale.domain.cards import CardNumberRefused, is_embossed_card
from resale.domain.command_context import CommandKey, command_key
from resale.domain.dead_letters import LetterQueue
from resale.domain.listings import ProductReference
from resale.domain.text import code, reference
from resale.errors import FieldError, Invalid

Q = TypeVar("Q", bound=msgspec.Struct)

Limit = Annotated[int, msgspec.Meta(ge=1, le=100, description="Maximum number of objects on a page.")]
Cursor = Annotated[
    str, reference(None, min_length=1, max_length=4096, description="`next_cursor` of the previous page, unchanged.")
]
Market = Annotated[str, code(r"^[A-Z]{2}\Z", description="ISO 3166-1 alpha-2; by default the shop's own market.")]
Destination = Annotated[
    str, code(r"^[A-Z]{2}\Z", description="Country of the shipping address; by default the listing's market.")
]

# RFC 9110 8.8.3. A tag weakened on its way (a proxy that compresses) still names its version; after the dash comes
# what is not part of the version: see ``listing_views.listing_tag``.
_TAG: Final = re.compile(r'(?:W/)?"(\d{1,15})(?:-[0-9a-f]{8})?"')
_LONG_CURSOR: Final = ("/cursor", "too_long")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_IDEMPOTENCY_POINTER: Final = "/headers/Idempotency-Key"


class IdempotencyKeyRequired(Invalid):
    """The endpoint requires an Idempotency-Key header."""

    code = "idempotency_key_required"
    title = "Idempotency key required"
    default_detail = "Send an Idempotency-Key header with this request, so that it can be retried safely."


class IdempotencyKeyInvalid(Invalid):
    """The Idempotency-Key header is not 1 to 255 visible ASCII characters."""

    code = "idempotency_key_invalid"
    title = "Invalid idempotency key"
    default_detail = "The Idempotency-Key header must have 1 to 255 visible ASCII characters."


class CursorTooLong(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """The cursor is longer than any that was issued."""

    code = "cursor_too_long"
    title = "Cursor too long"
    default_detail = "The cursor is not one that this API issued. Send `next_cursor` of the previous page unchanged."


class OrderRole(StrEnum):
    """The shopper's role in an order."""

    BUYER = "buyer"
    SELLER = "seller"


class NoQuery(Body, frozen=True, kw_only=True):
    """No query parameters."""


class LimitQuery(Body, frozen=True, kw_only=True):
    """Limit of a list without further pages."""

    limit: Limit = 20


class PageQuery(Body, frozen=True, kw_only=True):
    """Limit and cursor of a list."""

    limit: Limit = 20
    cursor: Cursor | UnsetType = UNSET


class ListingsQuery(PageQuery, frozen=True, kw_only=True):
    """Selection of listings: of a product, or of a market."""

    product: ProductReference | UnsetType = UNSET
    market: Market | UnsetType = UNSET


class QuoteQuery(Body, frozen=True, kw_only=True):
    """The destination of a quote."""

    country: Destination | UnsetType = UNSET


class OrdersQuery(PageQuery, frozen=True, kw_only=True):
    """Selection of orders: the shopper's purchases, or sales."""

    role: OrderRole | UnsetType = UNSET


class DeadLettersQuery(PageQuery, frozen=True, kw_only=True):
    """Selection of dead letters: of one queue, or of all."""

    queue: LetterQueue | UnsetType = UNSET


class NoBody(Body, frozen=True, kw_only=True):
    """An empty object, for requests whose path contains all data."""


def read_query(request: HttpRequest, kind: type[Q]) -> Q:
    """Decode the query parameters; without any, the defaults are cached. Raises Invalid or CursorTooLong."""
    if not request.META.get("QUERY_STRING") and len(kind.__struct_defaults__) == len(kind.__struct_fields__):
        return cast("Q", _defaults(kind))
    try:
        return decode_query(request, kind)
    except Invalid as invalid:
        if any((wrong.pointer, wrong.code) == _LONG_CURSOR for wrong in invalid.errors):
            raise CursorTooLong(errors=invalid.errors) from None
        raise


def none_if_unset(value: str | UnsetType) -> str | None:
    """Turn an absent parameter into None."""
    return None if value is UNSET else value


def expected_version(request: HttpRequest) -> int | None:
    """Return the version in If-Match; None for any.

    Raises:
        PreconditionFailed: It names no version this API ever gave.
    """
    text = request.META.get("HTTP_IF_MATCH")
    if text is None or text.strip() == "*":
        return None
    match = _TAG.fullmatch(text.strip())
    if match is None:
        raise PreconditionFailed("If-Match must be one ETag, unchanged, or *.")
    return int(match[1])


def read_command_key(
    request: HttpRequest, *, caller: str, command: str, body: SentBody, is_required: bool
) -> CommandKey | None:
    """Return the Idempotency-Key, bound to its caller, command and body.

    Args:
        request: Whose header.
        caller: What tells callers apart: the shopper, or the brand's API key.
        command: What the key is for.
        body: The request's body.
        is_required: Whether it must be there.

    Raises:
        IdempotencyKeyRequired: It is not there.
        IdempotencyKeyInvalid: Not 1 to 255 visible ASCII characters.
        CardNumberRefused: A payment card number, grouped as on a card. Other numbers are keys as good as any.
    """
    text = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if text is None:
        if is_required:
            raise IdempotencyKeyRequired(
                "Send an Idempotency-Key header with this request, so that it can be retried safely.",
                errors=(_wrong_key("required"),),
            )
        return None
    if _KEY.fullmatch(text) is None:
        raise IdempotencyKeyInvalid(
            "Send 1 to 255 visible ASCII characters as Idempotency-Key.", errors=(_wrong_key("wrong_format"),)
        )
    if is_embossed_card(text):
        raise CardNumberRefused("The Idempotency-Key is a payment card number. Send a random key.")
    return command_key(caller=caller, command=command, client_key=text, body=body.raw, meaning=body.canonical)


def _wrong_key(code: str) -> FieldError:
    return FieldError(pointer=_IDEMPOTENCY_POINTER, code=code, detail="1 to 255 visible ASCII characters.")


@lru_cache(maxsize=32)
def _defaults(kind: type[Any]) -> Any:
    return kind()
