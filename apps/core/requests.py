"""Requests as views use them: the request id, the bounded body, and the decoded struct."""

import json
import re
from functools import lru_cache
from typing import Any, Final, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
import uuid_utils
from django.http import HttpRequest
from rest_framework.request import Request

from apps.core import input_text, validation_errors
from apps.core.json_bodies import canonical_json, parse_json
from apps.core.problems import BodyTimeout, BodyTooLarge, MalformedBody, UnsupportedBody
from resale.domain.cards import holds_card_number, refuse_card_numbers
from resale.domain.tenants import Tenant
from resale.errors import FieldError, Invalid

MAX_BODY_BYTES: Final = 256 * 1024  # the largest body our schemas can fill is far smaller
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every request body and query; unknown fields are refused."""


class RequestInfo(msgspec.Struct, gc=False):
    """Metadata of a request. Authentication fills in tenant and key.

    ``id`` is always ours: history keeps it. ``client_id`` is what the client calls the request, and is only logged.
    """

    id: str
    client_id: str = ""
    tenant: Tenant | None = None
    key_id: str = ""


class SentBody(msgspec.Struct, frozen=True, gc=False):
    """A request body: the original bytes and the plain values that were decoded."""

    raw: bytes
    tree: Any

    @property
    def canonical(self) -> bytes:
        """The canonical encoding: equal for bodies that differ only in formatting."""
        return canonical_json(self.tree)


B = TypeVar("B", bound=msgspec.Struct)  # a Body, or an input of the library's, which forbids the unknown itself


def new_info(request: HttpRequest) -> RequestInfo:
    """Create the metadata of a request: a new id, and the client's own X-Request-Id if it is well formed."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    if given and (_REQUEST_ID.fullmatch(given) is None or holds_card_number(given.encode())):
        given = ""
    info = RequestInfo(id=new_request_id(), client_id=given)
    request.__dict__["resale"] = info
    return info


def new_request_id() -> str:
    """Return a new request id."""
    return "req_" + uuid_utils.uuid7().hex


def info_of(request: HttpRequest | Request) -> RequestInfo:
    """Return the metadata of a request, of Django's request or of the view's."""
    plain = request._request if isinstance(request, Request) else request  # noqa: SLF001 - DRF names it nowhere else
    return plain.__dict__.get("resale") or new_info(plain)


def read_body(request: HttpRequest | Request) -> bytes:
    """Read the complete body, chunked or not.

    Raises:
        BodyTooLarge: Over 256 KiB; not read further.
        BodyTimeout: It did not arrive in time (``apps.core.serving``), or its sender hung up.
        UnsupportedBody: Compressed.
    """
    return read_raw_body(request, max_bytes=MAX_BODY_BYTES)


def read_raw_body(request: HttpRequest | Request, *, max_bytes: int) -> bytes:
    """Read the complete body of up to ``max_bytes`` unchanged, for the verification of a signature.

    Raises:
        BodyTooLarge, BodyTimeout, UnsupportedBody: As ``read_body``.
    """
    plain: HttpRequest = request._request if isinstance(request, Request) else request  # noqa: SLF001 - as above
    meta = plain.META
    if meta.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise UnsupportedBody("Compressed bodies are not supported. Send the body without Content-Encoding.")
    try:
        return _read(plain, max_bytes)
    except OSError:
        raise BodyTimeout("The body did not arrive in time. Send the request again on a faster connection.") from None


def _read(plain: HttpRequest, max_bytes: int) -> bytes:
    length = _content_length(plain.META.get("CONTENT_LENGTH"))  # of a chunked body, too: ``apps.core.serving``
    if length > max_bytes:
        raise _too_large(max_bytes)
    return plain.body


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {max_bytes // 1024} KiB. Send a smaller one.")


def read_json(request: HttpRequest | Request) -> bytes:
    """Read the bytes of a JSON body. Raises UnsupportedBody, BodyTooLarge or BodyTimeout."""
    plain: HttpRequest = request._request if isinstance(request, Request) else request  # noqa: SLF001 - as above
    if plain.content_type != "application/json":
        raise UnsupportedBody("The body must be JSON. Send it with Content-Type: application/json.")
    return read_body(plain)


def decode_body(body: bytes, kind: type[B]) -> tuple[B, SentBody]:
    """Decode JSON bytes into a struct and the body that an Idempotency-Key is bound to.

    Raises:
        CardNumberRefused: It holds a payment card number, elsewhere than in an id or a reference.
        MalformedBody: Not JSON (RFC 8259): NaN, broken UTF-8, a key given twice, nested too deep, or empty.
        Invalid: JSON, but not what ``kind`` says; carries every text that is refused, else the first wrong place.
    """
    may_hold_card = holds_card_number(body)
    try:
        tree = parse_json(body)
    except MalformedBody:
        refuse_card_numbers(body, place="The body")
        raise
    except Invalid as error:
        refuse_card_numbers(body, place="The body")
        raise _locate(body, kind, error) from None
    if may_hold_card:
        refuse_card_numbers(json.dumps(input_text.without_references(tree, kind)).encode(), place="The body")
    struct = _to_struct(tree, kind, place="The body", strict=True)
    return struct, SentBody(raw=body, tree=tree)


def _locate(body: bytes, kind: type[B], error: Invalid) -> Invalid:
    """Return the error of a number that no field accepts, with its pointer, which the JSON decoder does not report."""
    try:
        _decoder(kind).decode(body)
    except msgspec.ValidationError as wrong:
        return Invalid(error.detail, errors=(validation_errors.field_error(str(wrong)),))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # what follows the number is no JSON, either
    return error


@lru_cache(maxsize=128)
def _decoder(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def convert_values(values: dict[str, Any], kind: type[B], *, place: str) -> B:
    """Convert plain values, such as path parts or command arguments, into a struct. Raises Invalid."""
    return _to_struct(values, kind, place=place, strict=True)


def _to_struct(tree: Any, kind: type[B], *, place: str, strict: bool) -> B:
    if faults := input_text.clean(tree, kind):
        raise Invalid(f"{place} is not valid.", errors=faults)
    try:
        return msgspec.convert(tree, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise Invalid(f"{place} is not valid.", errors=(validation_errors.field_error(str(error)),)) from None


def decode_query(request: HttpRequest | Request, kind: type[B]) -> B:
    """Decode the query string into a struct; numbers and booleans are parsed from text.

    Raises:
        Invalid: A parameter is unknown, repeated or wrong; its pointer names it.
        CardNumberRefused: It holds a payment card number, elsewhere than in an id or a reference.
    """
    plain: HttpRequest = request._request if isinstance(request, Request) else request  # noqa: SLF001 - as above
    given = dict(plain.GET.lists())
    if holds_card_number(unquote_to_bytes(plain.META["QUERY_STRING"].replace("+", " "))):
        rest = [input_text.without_references({name: one}, kind) for name, texts in given.items() for one in texts]
        refuse_card_numbers(json.dumps(rest).encode(), place="The query")
    values: dict[str, str] = {}
    for name, texts in given.items():
        if len(texts) > 1:
            repeated = FieldError(
                validation_errors.pointer(name), "repeated", "The parameter was sent more than once. Send it once."
            )
            raise Invalid("The query is not valid.", errors=(repeated,))
        values[name] = texts[0]
    return _to_struct(values, kind, place="The query", strict=False)


def _content_length(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0
