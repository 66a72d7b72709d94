"""Where a request ends, whatever pieces it comes in; and that gunicorn's parser sees the same."""

from itertools import pairwise

import pytest
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st

from apps.core.serving.framing import RequestBuffer
from apps.core.serving.request_handling import parse

_LIMIT = 64 * 1024
_CLIENT = ("192.0.2.1", 1)


def chunked(pieces: list[bytes], *, extension: str, trailer: str) -> bytes:
    chunks = b"".join(f"{len(piece):x}{extension}\r\n".encode() + piece + b"\r\n" for piece in pieces if piece)
    return b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunks + f"0\r\n{trailer}\r\n".encode()


def counted(body: bytes) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:{len(body)} \r\n\r\n".encode() + body


BODIES = st.binary(max_size=60)
REQUESTS = st.one_of(
    st.just((b"GET /?a=1 HTTP/1.1\r\nHost: a\r\nX-Content-Length: 9\r\n\r\n", b"")),
    BODIES.map(lambda body: (counted(body), body)),
    st.builds(
        lambda pieces, extension, trailer: (chunked(pieces, extension=extension, trailer=trailer), b"".join(pieces)),
        st.lists(BODIES, max_size=4),
        st.sampled_from(["", ";a", ' ; a="b;c"']),
        st.sampled_from(["", "X-Trailer: 1\r\n"]),
    ),
)


class TestArrival:
    @given(requests=st.lists(REQUESTS, min_size=1, max_size=3), data=st.data())
    def test_is_whole_with_a_requests_last_byte(self, requests: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
        sent = b"".join(request for request, _ in requests)
        cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=8))
        received = RequestBuffer(max_body_bytes=_LIMIT)
        waiting, given_bytes, taken_bytes = list(requests), 0, 0
        for start, end in pairwise(sorted({0, *cuts, len(sent)})):
            received.feed(sent[start:end])
            given_bytes = end
            while waiting and given_bytes >= taken_bytes + len(waiting[0][0]):
                request, body = waiting.pop(0)
                assert (received.whole, received.is_broken) == (True, False)
                assert received.request() == request
                parsed, is_exact = parse(request, cfg=Config(), client=_CLIENT, number=1, is_whole=True)
                assert (parsed.body.read(), is_exact) == (body, True)
                taken_bytes += len(request)
                received.next()
                received.scan()
            assert not received.whole
        assert not waiting
        assert received.data == b""

    @given(st.binary(max_size=200), st.integers(0, 200))
    def test_never_fails(self, data: bytes, cut: int) -> None:
        for beginning in (b"", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"):
            received = RequestBuffer(max_body_bytes=_LIMIT)
            received.feed(beginning + data[:cut])
            received.feed(data[cut:])
            assert received.head_bytes <= len(received.data)

    @pytest.mark.parametrize("coding", ["gzip", "chunked, chunked", "identity", "xchunked"])
    def test_gives_up_what_the_parser_refuses(self, coding: str) -> None:
        received = RequestBuffer(max_body_bytes=_LIMIT)
        received.feed(f"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n".encode())
        assert (received.whole, received.is_broken) == (True, True)

    def test_reads_whom_the_proxies_name(self) -> None:
        received = RequestBuffer(max_body_bytes=_LIMIT)
        received.feed(b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.9, 2001:DB8::1\r\nx-forwarded-for: 10.0.0.1\r\n\r\n")
        assert received.read_forwarded_for() == "192.0.2.9, 2001:db8::1,10.0.0.1"
