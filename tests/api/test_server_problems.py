"""What is no request, or no whole one, sent to a real web role: a problem document each, and never our fault."""

import re

import pytest

from tests.fixtures.sockets import Response, converse

_FORM = (
    "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    f"Cookie: csrftoken={'a' * 32}\r\n"
)
_CHUNKED = f"{_FORM}Transfer-Encoding: chunked\r\n\r\n"
_GET = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"

BODIES = {
    "size is no number": f"{_CHUNKED}zz\r\nabc\r\n0\r\n\r\n",
    "size is empty": f"{_CHUNKED}\r\nabc\r\n0\r\n\r\n",
    "size is negative": f"{_CHUNKED}-3\r\nabc\r\n0\r\n\r\n",
    "size has a sign": f"{_CHUNKED}+3\r\nabc\r\n0\r\n\r\n",
    "size has a prefix": f"{_CHUNKED}0x3\r\nabc\r\n0\r\n\r\n",
    "size has an underscore": f"{_CHUNKED}1_0\r\nabc\r\n0\r\n\r\n",
    "size is huge": f"{_CHUNKED}{'f' * 40}\r\nabc\r\n0\r\n\r\n",
    "chunk is longer than its size": f"{_CHUNKED}3\r\nabcdef\r\n0\r\n\r\n",
    "lines end without carriage return": f"{_CHUNKED}3\nabc\n0\n\n",
    "extension is malformed": f"{_CHUNKED}3;=\r\nabc\r\n0\r\n\r\n",
    "extension has a carriage return": f"{_CHUNKED}3;a\rb\r\nabc\r\n0\r\n\r\n",
    "extension does not end": f"{_CHUNKED}3;{'a' * 20_000}",
    "trailer is malformed": f"{_CHUNKED}3\r\nabc\r\n0\r\nno trailer\r\n\r\n",
    "trailer is a framing header": f"{_CHUNKED}3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n",
    "coding and length": f"{_FORM}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "coding is unknown": f"{_FORM}Transfer-Encoding: br\r\n\r\nabc",
    "coding is identity": f"{_FORM}Transfer-Encoding: identity\r\n\r\nabc",
    "coding is compressed": f"{_FORM}Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "coding twice": f"{_FORM}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding in HTTP/1.0": _CHUNKED.replace("1.1", "1.0", 1) + "0\r\n\r\n",
    "length twice": f"{_FORM}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "length is negative": f"{_FORM}Content-Length: -3\r\n\r\nabc",
    "length has a sign": f"{_FORM}Content-Length: +3\r\n\r\nabc",
    "length is no number": f"{_FORM}Content-Length: abc\r\n\r\nabc",
    "length is no ASCII number": f"{_FORM}Content-Length: \u00b2\r\n\r\nabc",
    "length has thousands of digits": f"{_FORM}Content-Length: {'9' * 5000}\r\n\r\nabc",
}
CUT_OFF = {
    "in the request line": "GET /hea",
    "in a header": "GET /healthz HTTP/1.1\r\nHost: loc",
    "in the body": f"{_FORM}Content-Length: 10\r\n\r\nabc",
    "in a chunk": f"{_CHUNKED}5\r\nab",
    "before the last chunk": f"{_CHUNKED}3\r\nabc\r\n",
    "after the last chunk": f"{_CHUNKED}3\r\nabc\r\n0\r\n",
}
HEADS = {
    "no request line": "GARBAGE\r\n\r\n",
    "no method": " / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no target": "GET  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a method in lower case": "get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a target that is not ASCII": "GET /h\u00f6 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a target that is no URL": "GET http://[/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a target without a path": "GET localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/0.9": "GET /healthz\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/3": "GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n",
    "a version that is none": "GET /healthz HTTP/x\r\nHost: localhost\r\n\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "the PROXY protocol": f"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n{_GET}\r\n",
    "bare line feeds": "GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "no host": "GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": f"{_GET}Host: localhost\r\n\r\n",
    "a header without a colon": f"{_GET}NoColon\r\n\r\n",
    "a header without a name": f"{_GET}: value\r\n\r\n",
    "a space before the colon": "GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "a folded header": f"{_GET}X: a\r\n b\r\n\r\n",
    "NUL in a header": f"{_GET}X: a\0b\r\n\r\n",
    "a carriage return in a header": f"{_GET}X: a\rb\r\n\r\n",
    "contradictory schemes": f"{_GET}X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n",
}
OTHERS = {
    "a long target": (f"GET /{'a' * 5000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "uri_too_long"),
    "a target without end": (f"GET /{'a' * 20_000}", 414, "uri_too_long"),
    "a long header": (f"{_GET}X: {'a' * 9000}\r\n\r\n", 431, "headers_too_large"),
    "many headers": (_GET + "".join(f"X{n}: a\r\n" for n in range(100)) + "\r\n", 431, "headers_too_large"),
    "headers without end": (_GET + "X: aaaaaaaa\r\n" * 10_000, 431, "headers_too_large"),
    "another expectation": (f"{_GET}Expect: 200-ok\r\n\r\n", 417, "expectation_unsupported"),
}


class TestRefusals:
    @pytest.mark.parametrize("sent", [*BODIES.values(), *HEADS.values()], ids=[*BODIES, *HEADS])
    def test_of_what_is_malformed(self, patient_port: int, sent: str) -> None:
        response = converse(patient_port, sent)
        assert (response.status, response.problem["code"]) == (400, "malformed_request")
        check(response)

    @pytest.mark.parametrize("sent", CUT_OFF.values(), ids=CUT_OFF)
    def test_of_what_is_cut_off(self, patient_port: int, sent: str) -> None:
        response = converse(patient_port, sent, ends=True)
        assert (response.status, response.problem["code"]) == (400, "malformed_request")
        check(response)

    @pytest.mark.parametrize(("sent", "status", "code"), OTHERS.values(), ids=OTHERS)
    def test_have_codes(self, patient_port: int, sent: str, status: int, code: str) -> None:
        response = converse(patient_port, sent)
        assert (response.status, response.problem["code"]) == (status, code)
        check(response)

    def test_quote_nothing_that_was_sent(self, patient_port: int) -> None:
        response = converse(patient_port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-API-Key sk_secret\r\n\r\n")
        assert b"sk_secret" not in response.body


def check(response: Response) -> None:
    """Hold a response to what every problem document of ours has."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["connection"] == "close"
    assert response.headers["cache-control"] == "private, no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-request-id"] == response.problem["request_id"]
    assert re.fullmatch(r"req_[0-9a-f]{32}", response.problem["request_id"])
    assert response.problem["status"] == response.status
    assert response.problem["detail"]


class TestMethods:
    """Those that no endpoint has, at the server itself."""

    @pytest.mark.parametrize(
        ("line", "status", "allowed"),
        [
            ("OPTIONS /v1/docs", 405, "GET, HEAD"),
            ("OPTIONS /v1/nothing", 404, None),
            ("OPTIONS *", 404, None),
            ("HEAD /healthz", 200, None),
            ("HEAD /v1/listings", 401, None),
            ("OPTIONS /healthz", 405, "GET, HEAD"),
            ("POST /healthz", 405, "GET, HEAD"),
            ("TRACE /healthz", 405, "GET, HEAD"),
            ("TRACE /v1/docs", 405, "GET, HEAD"),
            ("CONNECT localhost:80", 404, None),
        ],
    )
    def test_are_answered(self, patient_port: int, line: str, status: int, allowed: str | None) -> None:
        response = converse(patient_port, f"{line} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert response.status == status
        assert _words(response.headers.get("allow")) == _words(allowed)


def _words(text: str | None) -> set[str]:
    return {word.strip() for word in (text or "").split(",")}
