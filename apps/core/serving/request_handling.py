"""Handling a complete request in a thread with gunicorn's parser and WSGI, without waiting for a socket."""

import io
import logging
from collections.abc import Iterable
from enum import Enum, auto
from typing import Any, Final

from gunicorn.http.body import LengthReader
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

from apps.core.problems import HTTPError
from apps.core.serving.refusals import MalformedRequest, refusal_of

logger = logging.getLogger("resale.serving")


class HandledRequest(Enum):
    """The result of handling a request."""

    KEEP = auto()  # answered; another may follow
    CLOSE = auto()  # answered, or not worth a response
    BODY_WANTED = auto()  # not answered: the application wants the body first


class BodyPending(BaseException):
    """Raised when the application reads a body that has not arrived. Not an Exception, so that no view catches it."""


class _Pending:
    """Stands in for a body that has not arrived."""

    def read(self, *_: int) -> bytes:
        """Raise BodyPending to stop the application."""
        raise BodyPending

    readline = read
    readlines = read

    def __iter__(self) -> "Any":
        raise BodyPending


class _Bytes(Unreader):  # type: ignore[misc]  # gunicorn ships no types
    """Supplies the parser with the received bytes, and then with the end of input."""

    def chunk(self, size_hint: int | None = None) -> bytes:  # noqa: ARG002 - gunicorn's signature
        """Return the end of input."""
        return b""


def parse(data: bytes, *, cfg: Any, client: Any, number: int, is_whole: bool) -> tuple[Any, bool]:
    """Parse a request with gunicorn's parser and attach its decoded body.

    A chunked body becomes one with a length, which is all that Django reads.

    Args:
        data: The whole request, or its head when ``is_whole`` is False.
        cfg: Gunicorn's.
        client: The peer's address.
        number: Of the request on its connection, from 1.
        is_whole: Whether the body is there; else whoever reads it gets BodyPending.

    Returns:
        The request, and whether all of ``data`` belonged to it.

    Raises:
        HTTPError: It cannot be read; never quotes it.
    """
    unreader = _Bytes()
    unreader.buf.write(data)
    try:
        request = Request(cfg, unreader, client, number)
        body = _body_of(request) if is_whole else None
    except StopIteration:
        raise MalformedRequest from None
    except (ParseException, NoMoreData) as error:
        raise refusal_of(error) from None
    _check(request)
    request._expected_100_continue = False  # noqa: SLF001 - the loop has sent what is to be sent of it
    _set_body(request, body)
    return request, not unreader.buf.getvalue()


def _check(request: Any) -> None:
    """Raise MalformedRequest for requests that gunicorn's parser accepts by mistake."""
    names = {name for name, _ in request.headers}
    if request.version >= (1, 1) and "HOST" not in names:
        raise MalformedRequest("An HTTP/1.1 request must have a Host header (RFC 9112 3.2).")
    if "TRANSFER-ENCODING" in names and dict(request.headers)["TRANSFER-ENCODING"].lower() != "chunked":
        raise MalformedRequest(
            "The only supported transfer coding is chunked."
        )  # a compressed body, which no view expects


def _body_of(request: Any) -> bytes:
    reader = request.body.reader
    if not isinstance(reader, LengthReader):
        return bytes(request.body.read())
    length = reader.length
    body = bytes(reader.read(length))
    if len(body) < length:
        raise NoMoreData(b"")
    return body


def _set_body(request: Any, body: bytes | None) -> None:
    length = "1" if body is None else str(len(body))  # a length, so that the application reads it
    coded = [header for header in request.headers if header[0] != "TRANSFER-ENCODING"]
    if len(coded) < len(request.headers):
        request.headers = [*coded, ("CONTENT-LENGTH", length)]
    request.body = _Pending() if body is None else io.BytesIO(body)


def drive(application: Any, response: Any, environ: dict[str, Any]) -> None:
    """Run the application and write its response."""
    pieces: Iterable[bytes] = application(environ, response.start_response)
    try:
        for piece in pieces:
            response.write(piece)
        response.close()
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def method_of(data: bytes) -> str:
    """Return the method of a request that may be malformed."""
    method = bytes(data[:_METHOD_BYTES]).split(b" ", 1)[0]
    return method.decode("latin-1") if method.isalpha() and method.isupper() else ""


_METHOD_BYTES: Final = 20

__all__ = ["BodyPending", "HTTPError", "HandledRequest", "drive", "logger", "method_of", "parse"]
