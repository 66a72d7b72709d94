"""A real web role, and clients that take their time: they may wait, nobody else must."""

import http.client
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.test import RequestFactory

from apps.core.problems import BodyTimeout
from apps.core.requests import read_body
from tests.fixtures.sockets import Response, converse, responses
from tests.fixtures.web_roles import ECHO, healthz, web_role

_CLIENTS = 40  # the one worker has 8 threads
_READERS = 12
_READ_SECONDS = 0.5
_TOKEN = "a" * 32
# Cross-site request protection reads the body of a form for its token.
_FORM = (
    "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    f"Cookie: csrftoken={_TOKEN}\r\n"
)
_CREATE = "POST /v1/listings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BEGINNINGS = {
    "nothing": "",
    "half a header": "GET /healthz HTTP/1.1\r\nHost: loc",
    "half a body": f"{_FORM}Content-Length: 1000\r\n\r\nusername=",
    "half a chunk": f"{_FORM}Transfer-Encoding: chunked\r\n\r\n3e8\r\nusername=",
    "half a body nobody reads": "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nxxx",
}
WAITED_FOR = ("half a header", "half a body", "half a chunk")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where one worker of the web role listens that waits for nobody."""
    with web_role(tmp_path_factory.mktemp("web"), READ_SECONDS=str(_READ_SECONDS)) as number:
        yield number


@pytest.fixture(scope="module")
def proxied_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where the web role listens behind one trusted proxy."""
    with web_role(tmp_path_factory.mktemp("web"), RESALE_PROXY_HOPS="1", READ_SECONDS="120") as number:
        yield number


def first_answered(clients: list[socket.socket], count: int) -> list[socket.socket]:
    """Wait for the clients that are answered first. On a busy machine they need not be those that came last."""
    answered: list[socket.socket] = []
    while len(answered) < count:
        waiting = [client for client in clients if client not in answered]
        ready, _, _ = select.select(waiting, (), (), 20)
        assert ready, f"{len(answered)} of {count} were answered"
        answered += ready
    return answered


def connect(stack: ExitStack, port: int, *, receive_bytes: int = 0) -> socket.socket:
    client = stack.enter_context(socket.socket())
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    return client


def is_open(client: socket.socket) -> bool:
    """Whether the server has neither answered nor hung up."""
    client.settimeout(0)
    try:
        client.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def is_waiting(client: socket.socket) -> bool:
    """Whether the server has said nothing yet; leaves what it said to be read."""
    client.settimeout(0)
    try:
        client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    return False


class TestSlowSenders:
    @pytest.mark.parametrize("name", BEGINNINGS)
    def test_keep_nobody_waiting(self, patient_port: int, name: str) -> None:
        with ExitStack() as stack:
            clients = [connect(stack, patient_port) for _ in range(_CLIENTS)]
            for client in clients:
                client.sendall(BEGINNINGS[name].encode())
            assert healthz(patient_port, 20) == 200
            assert converse(patient_port, "GET /v1/listings HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 401
            assert name not in WAITED_FOR or sum(map(is_open, clients)) == 32  # all that may be unfinished

    @pytest.mark.parametrize("name", WAITED_FOR)
    def test_are_refused_beyond_some_of_one_address(self, patient_port: int, name: str) -> None:
        with ExitStack() as stack:
            clients = [connect(stack, patient_port) for _ in range(_CLIENTS)]
            for client in clients:
                client.sendall(BEGINNINGS[name].encode())
            refused = [responses(client) for client in first_answered(clients, _CLIENTS - 32)]
        assert {one.status for (one,) in refused} == {429}
        assert {one.problem["code"] for (one,) in refused} == {"too_many_unfinished_requests"}
        assert {one.headers["retry-after"] for (one,) in refused} == {"1"}

    def test_are_refused_beyond_some_that_ask_whether_to_send(self, patient_port: int) -> None:
        with ExitStack() as stack:
            clients = [connect(stack, patient_port) for _ in range(_CLIENTS)]
            for client in clients:
                client.sendall(f"{_FORM}Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n".encode())
            statuses = Counter(client.recv(12).decode() for client in clients)
        assert statuses == {"HTTP/1.1 100": 32, "HTTP/1.1 429": 8}

    def test_are_counted_by_the_address_that_the_proxy_names(self, proxied_port: int) -> None:
        with ExitStack() as stack:
            clients = [connect(stack, proxied_port) for _ in range(2 * _CLIENTS)]
            for number, client in enumerate(clients):
                addresses = f"192.0.2.{number}, 198.51.100.{number % 2}"  # the first is what the client made up
                client.sendall(f"{_FORM}X-Forwarded-For: {addresses}\r\nContent-Length: 9\r\n\r\na".encode())
            refused = first_answered(clients, 2 * _CLIENTS - 64)
            codes = {responses(client)[0].problem["code"] for client in refused}
            assert codes == {"too_many_unfinished_requests"}
            others = "X-Forwarded-For: 203.0.113.1\r\nContent-Length: 9\r\n\r\n{"
            assert converse(proxied_port, _CREATE + others).status == 401

    @pytest.mark.parametrize("name", ["half a header", "half a body"])
    def test_gain_nothing_by_sending_a_little_at_a_time(self, port: int, name: str) -> None:
        with ExitStack() as stack:
            client = connect(stack, port)
            client.sendall(BEGINNINGS[name].encode())
            started = time.monotonic()
            while not _hung_up(client):
                assert time.monotonic() - started < 20 * _READ_SECONDS
                time.sleep(0.05)  # the client's pace

    @pytest.mark.parametrize(("name", "code"), [("half a header", "request_timeout"), ("half a chunk", "body_timeout")])
    def test_are_told(self, port: int, name: str, code: str) -> None:
        response = converse(port, BEGINNINGS[name])
        assert (response.status, response.problem["code"]) == (408, code)
        assert response.headers["connection"] == "close"

    def test_that_send_nothing_are_told_nothing(self, port: int) -> None:
        with ExitStack() as stack:
            assert connect(stack, port).recv(1) == b""

    def test_are_told_when_they_sent_half_a_body(self) -> None:
        request = RequestFactory().post("/v1/things", data=b"{}", content_type="application/json")
        request._stream = _Stalled()  # type: ignore[assignment]  # all of a stream that is asked for
        with pytest.raises(BodyTimeout):
            read_body(request)


class TestLimits:
    def test_on_connections_end_the_oldest(self, tmp_path: Path) -> None:
        options = ("--worker-connections", "20")
        with web_role(tmp_path, *options, application=ECHO, READ_SECONDS="120") as number, ExitStack() as stack:
            clients = [connect(stack, number) for _ in range(_CLIENTS)]
            for client in clients[:10]:
                client.sendall(BEGINNINGS["half a header"].encode())
            assert healthz(number, 20) == 200
            open_count = sum(map(is_open, clients))
        assert 10 <= open_count < 20

    def test_on_memory_refuse_what_is_beyond(self, proxied_port: int) -> None:
        part = b"a" * 240_000  # 64 MiB are held
        with ExitStack() as stack:
            clients = [connect(stack, proxied_port) for _ in range(300)]
            for number, client in enumerate(clients):
                head = f"{_FORM}X-Forwarded-For: 192.0.2.{number % 250}\r\nContent-Length: {len(part) + 1}\r\n\r\n"
                client.sendall(head.encode() + part)
            assert healthz(proxied_port, 20) == 200
            refused = [responses(client)[0] for client in clients if not is_waiting(client)]
        assert {(one.status, one.problem["code"]) for one in refused} == {(503, "overloaded")}
        assert len(refused) >= 10


class TestSlowReaders:
    def test_keep_nobody_waiting(self, echo_port: int) -> None:
        with ExitStack() as stack:
            for _ in range(_READERS):
                client = connect(stack, echo_port, receive_bytes=4096)
                client.sendall(b"GET /large/6000000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert converse(echo_port, "GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200

    def test_get_all_of_it(self, echo_port: int) -> None:
        response = converse(echo_port, "GET /large/6000000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert len(response.body) == 6_000_000  # more than the kernel takes at once


class TestHealthCheck:
    def test_is_answered_while_every_thread_waits(self, busy_echo_port: int) -> None:
        assert healthz(busy_echo_port, 20) == 200


class TestRefusalsByTheHeaders:
    """What is wrong whatever the body says is answered before the body is there."""

    def test_of_a_caller_without_a_key(self, patient_port: int) -> None:
        response = converse(patient_port, f"{_CREATE}Content-Length: 1000\r\n\r\n" + '{"title":')
        assert (response.status, response.problem["code"]) == (401, "api_key_missing")

    def test_of_a_body_that_is_too_long(self, patient_port: int) -> None:
        response = converse(patient_port, f"{_FORM}Content-Length: 300000\r\n\r\n")
        assert (response.status, response.problem["code"]) == (413, "body_too_large")

    def test_of_a_caller_without_a_key_whose_body_is_too_long(self, patient_port: int) -> None:
        response = converse(patient_port, f"{_CREATE}Content-Length: {10**12}\r\n\r\n")
        assert (response.status, response.problem["code"]) == (401, "api_key_missing")

    def test_of_chunks_that_are_too_long(self, patient_port: int) -> None:
        response = converse(patient_port, f"{_CREATE}Transfer-Encoding: chunked\r\n\r\nfffff\r\n")
        assert (response.status, response.problem["code"]) == (413, "body_too_large")

    def test_can_be_read_by_who_is_still_sending(self, patient_port: int) -> None:
        with ExitStack() as stack:
            client = connect(stack, patient_port)
            client.sendall(f"{_CREATE}Content-Length: 8000000\r\n\r\n".encode())
            for _ in range(80):
                client.sendall(b"x" * 100_000)
            assert responses(client)[0].status == 401

    def test_of_who_asks_whether_to_send(self, patient_port: int) -> None:
        asked = f"{_CREATE}Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
        assert converse(patient_port, asked).status == 401


class TestExpectations:
    def test_a_wanted_body_is_asked_for(self, echo_port: int) -> None:
        with ExitStack() as stack:
            client = connect(stack, echo_port)
            client.sendall(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\n")
            assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(b"body")
            assert said(responses(client, count=1)[0])["body"] == "body"

    def test_an_unwanted_one_is_not(self, echo_port: int) -> None:
        asked = "POST /refuse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        assert converse(echo_port, asked).status == 401

    def test_a_body_that_is_there_is_not_asked_for(self, echo_port: int) -> None:
        asked = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody"
        with ExitStack() as stack:
            client = connect(stack, echo_port)
            client.sendall(asked.encode())
            assert said(responses(client, count=1)[0])["body"] == "body"


class TestConnections:
    def test_carry_one_request_after_another(self, echo_port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", echo_port, timeout=20)
        for number in range(3):
            connection.request("POST", f"/{number}", body=iter([b"one,", b"two"]), encode_chunked=True)
            assert b"one,two" in connection.getresponse().read()
        connection.close()

    def test_carry_requests_that_do_not_wait_for_a_response(self, echo_port: int) -> None:
        with ExitStack() as stack:
            client = connect(stack, echo_port)
            head = "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            client.sendall("".join(f"POST /{one} HTTP/1.1\r\n{head}1\r\n{one}\r\n0\r\n\r\n" for one in "abc").encode())
            received = responses(client, count=3)
        assert [said(one)["body"] for one in received] == ["a", "b", "c"]

    def test_end_when_a_client_sends_what_is_no_request(self, echo_port: int) -> None:
        with ExitStack() as stack:
            client = connect(stack, echo_port)
            client.sendall(b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\nGARBAGE\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
            assert [one.status for one in responses(client)] == [200, 400]


def said(response: Response) -> dict[str, str]:
    """What the echo application made of a request."""
    return {str(name): str(value) for name, value in response.problem.items()}


def _hung_up(client: socket.socket) -> bool:
    """Send one more byte; has the server closed, after whatever it said?"""
    try:
        client.sendall(b"x")
        client.settimeout(0)
        return client.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        client.settimeout(5)


class _Stalled:
    def read(self, *_: int) -> bytes:
        raise ConnectionError

    def close(self) -> None:
        pass
