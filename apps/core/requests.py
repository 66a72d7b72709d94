"""What a request is to a view: its id, its bounded body, and the typed thing its body says."""

import re
from functools import lru_cache
from typing import Any, Final, TypeVar, cast
from urllib.parse import unquote_to_bytes

import msgspec
import uuid_utils
from django.http import HttpRequest
from rest_framework.request import Request

from apps.core import decoding
from apps.core.problems import BodyTimeout, BodyTooLarge, MalformedBody, UnsupportedBody
from resale.domain.cards import holds_card_number, refuse_card_numbers
from resale.domain.tenants import Tenant
from resale.errors import FieldError, Invalid

MAX_BODY_BYTES: Final = 256 * 1024  # the largest body our schemas can fill is far smaller
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every request body and query: what it does not name is refused."""


class RequestInfo(msgspec.Struct, gc=False):
    """What is known of a request beside its input. Authentication fills in the rest.

    ``id`` is always ours: history keeps it. ``client_id`` is what the client calls the request, and is only logged.
    """

    id: str
    client_id: str = ""
    tenant: Tenant | None = None
    key_id: str = ""


B = TypeVar("B", bound=msgspec.Struct)  # a Body, or an input of the library's, which forbids the unknown itself


def new_info(request: HttpRequest) -> RequestInfo:
    """Start a request's info: a new id, and beside it the client's own X-Request-Id when that is sane."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    if given and (_REQUEST_ID.fullmatch(given) is None or holds_card_number(given.encode())):
        given = ""
    info = RequestInfo(id=new_request_id(), client_id=given)
    request.__dict__["resale"] = info
    return info


def new_request_id() -> str:
    """Make a request id."""
    return "req_" + uuid_utils.uuid7().hex


def info_of(request: HttpRequest | Request) -> RequestInfo:
    """Get what is known of a request, whether Django's or the view's."""
    plain = request._request if isinstance(request, Request) else request  # noqa: SLF001 - DRF names it nowhere else
    return plain.__dict__.get("resale") or new_info(plain)


def read_body(request: HttpRequest | Request) -> bytes:
    """Read the whole body, chunked or not, and see that no card number enters with it.

    Raises:
        BodyTooLarge: Over 256 KiB; not read further.
        BodyTimeout: It did not arrive in time (``apps.core.serving``), or its sender hung up.
        UnsupportedBody: Compressed.
        CardNumberRefused: It holds a payment card number, wherever in it.
    """
    body = read_raw_body(request, max_bytes=MAX_BODY_BYTES)
    refuse_card_numbers(body, place="The body")
    return body


def read_raw_body(request: HttpRequest | Request, *, max_bytes: int) -> bytes:
    """Read the whole body of up to ``max_bytes`` as it came, to be verified byte by byte.

    Raises:
        BodyTooLarge, BodyTimeout, UnsupportedBody: As ``read_body``.
    """
    plain: HttpRequest = request._request if isinstance(request, Request) else request  # noqa: SLF001 - as above
    meta = plain.META
    if meta.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise UnsupportedBody("A compressed body is not understood.")
    try:
        return _read(plain, max_bytes)
    except OSError:
        raise BodyTimeout("The body did not arrive in time; send it again.") from None


def _read(plain: HttpRequest, max_bytes: int) -> bytes:
    length = _content_length(plain.META.get("CONTENT_LENGTH"))  # of a chunked body, too: ``apps.core.serving``
    if length > max_bytes:
        raise _too_large(max_bytes)
    return plain.body


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"At most {max_bytes // 1024} KiB are read.")


def decode_body(request: HttpRequest | Request, kind: type[B]) -> B:
    """Turn a JSON body into a struct.

    Raises:
        UnsupportedBody: Not application/json, or compressed.
        BodyTooLarge: Over 256 KiB.
        BodyTimeout: It did not arrive in time.
        CardNumberRefused: It holds a payment card number.
        MalformedBody: Not JSON (RFC 8259): NaN, broken UTF-8, nested too deep, or empty.
        Invalid: JSON, but not what ``kind`` says; carries the first wrong place.
    """
    return decode_json(read_json(request), kind)


def read_json(request: HttpRequest | Request) -> bytes:
    """Read a body that says it is JSON, as it came. Raises UnsupportedBody, BodyTooLarge or CardNumberRefused."""
    plain: HttpRequest = request._request if isinstance(request, Request) else request  # noqa: SLF001 - as above
    if plain.content_type != "application/json":
        raise UnsupportedBody("The body must be application/json.")
    return read_body(plain)


def decode_json(body: bytes, kind: type[B]) -> B:
    """Turn JSON bytes into a struct. Raises MalformedBody or Invalid, as ``decode_body``."""
    try:
        return cast("B", _decoder(kind).decode(body))
    except msgspec.ValidationError as error:
        raise Invalid("The body is not valid.", errors=(decoding.field_error(str(error)),)) from None
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.") from None
    except RecursionError:
        raise MalformedBody("The body is nested too deep.") from None
    except msgspec.DecodeError:
        raise MalformedBody("The body is not JSON." if body else "The body is empty.") from None


def decode_query(request: HttpRequest | Request, kind: type[B]) -> B:
    """Turn the query string into a struct; numbers and booleans are read from their text.

    Raises:
        Invalid: A parameter is unknown, repeated or wrong; its pointer names it.
        CardNumberRefused: It holds a payment card number, in a name or a value.
    """
    plain: HttpRequest = request._request if isinstance(request, Request) else request  # noqa: SLF001 - as above
    refuse_card_numbers(unquote_to_bytes(plain.META["QUERY_STRING"].replace("+", " ")), place="The query")
    values: dict[str, str] = {}
    for name, given in plain.GET.lists():
        if len(given) > 1:
            repeated = FieldError(decoding.pointer(name), "repeated", "The parameter was given more than once.")
            raise Invalid("The query is not valid.", errors=(repeated,))
        values[name] = given[0]
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid("The query is not valid.", errors=(decoding.field_error(str(error)),)) from None


@lru_cache(maxsize=128)
def _decoder(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _content_length(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0
