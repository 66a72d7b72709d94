"""Kept-alive sockets before peers of every kind."""

import datetime as dt
import os
import signal
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from resale.adapters.dynamodb.http_connections import ConnectionPool, TransportFailed, default_tls
from tests.adapters.peers import Peer, closed_port, ok

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"

OpenPool = Callable[..., ConnectionPool]


@pytest.fixture
def open_pool() -> Iterator[OpenPool]:
    made: list[ConnectionPool] = []

    def make(url: str, *, read_timeout_seconds: float = 2.0, tls: ssl.SSLContext | None = None) -> ConnectionPool:
        made.append(
            ConnectionPool(url, connect_timeout_seconds=2.0, read_timeout_seconds=read_timeout_seconds, tls=tls)
        )
        return made[-1]

    yield make
    for pool in made:
        pool.close()


class TestReuse:
    def test_keeps_a_connection(self, open_pool: OpenPool) -> None:
        with Peer([ok(b"one"), ok(b"two")]) as peer:
            pool = open_pool(peer.url)
            assert [pool.send(REQUEST).body for _ in range(2)] == [b"one", b"two"]
            assert peer.connection_count == 1

    @pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close", b"HTTP/1.0 200 OK"])
    def test_not_when_the_peer_closes_it(self, head: bytes, open_pool: OpenPool) -> None:
        with Peer([head + b"\r\nContent-Length: 2\r\n\r\n{}"]) as peer:
            pool = open_pool(peer.url)
            for _ in range(2):
                assert pool.send(REQUEST).body == b"{}"
            assert peer.connection_count == 2

    def test_a_connection_that_died_idle_is_replaced_unseen(self, open_pool: OpenPool) -> None:
        with Peer([ok(b"{}")]) as peer:
            pool = open_pool(peer.url)
            pool.send(REQUEST)
            idle = pool._idle[0]
            peer.hang_up()
            deadline = time.monotonic() + 5
            while idle.is_usable() and time.monotonic() < deadline:
                time.sleep(0.01)
            assert pool.send(REQUEST).body == b"{}"
            assert (peer.connection_count, peer.request_count) == (2, 2)

    def test_an_old_idle_connection_is_replaced(self, open_pool: OpenPool) -> None:
        with Peer([ok(b"{}")]) as peer:
            pool = open_pool(peer.url)
            pool.send(REQUEST)
            pool._idle[0]._idle_since -= 51
            pool.send(REQUEST)
            assert peer.connection_count == 2

    def test_threads_never_share_one(self, open_pool: OpenPool) -> None:
        with Peer([ok(b"{}")]) as peer:
            pool = open_pool(peer.url)
            bodies: list[bytes] = []

            def send() -> None:
                bodies.extend(pool.send(REQUEST).body for _ in range(50))

            threads = [threading.Thread(target=send) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert bodies == [b"{}"] * 400
            assert peer.connection_count <= 8

    def test_idle_ones_are_bounded(self, open_pool: OpenPool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("resale.adapters.dynamodb.http_connections._MAX_IDLE", 1)
        with Peer([ok(b"{}")]) as peer:
            pool = open_pool(peer.url)
            connections = [pool._take() for _ in range(3)]
            for connection in connections:
                connection.rest()
                pool._idle.append(connection)
            pool.send(REQUEST)
            assert len(pool._idle) == 2  # the one used was closed, not put back

    @pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
    def test_a_forked_child_never_uses_its_parents(self, open_pool: OpenPool) -> None:
        with Peer([ok(b"{}")]) as peer:
            pool = open_pool(peer.url)
            pool.send(REQUEST)
            child = os.fork()
            if child == 0:
                signal.alarm(30)  # a child that hangs ends
                os._exit(0 if pool.send(REQUEST).body == b"{}" else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert pool.send(REQUEST).body == b"{}"
            assert peer.connection_count == 2


class TestAnswers:
    def test_in_chunks(self, open_pool: OpenPool) -> None:
        with Peer([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"]) as peer:
            assert open_pool(peer.url).send(REQUEST).body == b"abcde"

    def test_longer_than_one_read(self, open_pool: OpenPool) -> None:
        body = b"x" * 3_000_000
        with Peer([ok(body, f"x-amz-crc32: {zlib.crc32(body)}")]) as peer:
            assert open_pool(peer.url).send(REQUEST).body == body

    def test_without_a_body(self, open_pool: OpenPool) -> None:
        with Peer([b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"]) as peer:
            response = open_pool(peer.url).send(REQUEST)
            assert (response.status, response.body) == (503, b"")

    @pytest.mark.parametrize(
        "response",
        [
            b"HTTP/1.1 200 OK\r\nContent-Len",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
            b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
            b"",
        ],
    )
    def test_cut_short_or_garbled(self, response: bytes, open_pool: OpenPool) -> None:
        with Peer([lambda connection: connection.sendall(response)]) as peer, pytest.raises(TransportFailed):
            open_pool(peer.url).send(REQUEST)

    def test_not_of_its_checksum(self, open_pool: OpenPool) -> None:
        with Peer([ok(b"{}", "x-amz-crc32: 1")]) as peer, pytest.raises(TransportFailed, match="checksum"):
            open_pool(peer.url).send(REQUEST)

    def test_too_late(self, open_pool: OpenPool) -> None:
        with Peer([_say_nothing]) as peer:
            pool = open_pool(peer.url, read_timeout_seconds=0.1)
            with pytest.raises(TransportFailed, match="Timeout"):
                pool.send(REQUEST)
            assert not pool._idle

    def test_dripping_slower_than_the_timeout(self, open_pool: OpenPool) -> None:
        stop = threading.Event()

        def drip(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not stop.wait(0.05):
                connection.sendall(b"x")

        with Peer([drip]) as peer:
            started_at = time.monotonic()
            with pytest.raises(TransportFailed, match="Timeout"):
                open_pool(peer.url, read_timeout_seconds=0.3).send(REQUEST)
            stop.set()
            assert time.monotonic() - started_at < 2

    def test_of_nobody(self, open_pool: OpenPool) -> None:
        with closed_port() as port, pytest.raises(TransportFailed, match="ConnectionRefused"):
            open_pool(f"http://127.0.0.1:{port}").send(REQUEST)


class TestTLS:
    def test_trusts_the_right_certificate(self, open_pool: OpenPool, tmp_path: Path) -> None:
        certificate = _certificate(tmp_path, "localhost")
        with Peer([ok(b"one"), ok(b"two")], tls=_server_side(certificate)) as peer:
            pool = open_pool(peer.url, tls=ssl.create_default_context(cafile=certificate))
            assert [pool.send(REQUEST).body for _ in range(2)] == [b"one", b"two"]
            assert peer.connection_count == 1

    def test_trusts_the_bundle_of_the_sdks_settings(
        self, open_pool: OpenPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        certificate = _certificate(tmp_path, "localhost")
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        with Peer([ok(b"one")], tls=_server_side(certificate)) as peer:
            assert open_pool(peer.url, tls=default_tls.__wrapped__()).send(REQUEST).body == b"one"

    def test_no_other(self, open_pool: OpenPool, tmp_path: Path) -> None:
        with Peer([ok(b"{}")], tls=_server_side(_certificate(tmp_path, "localhost"))) as peer:
            with pytest.raises(TransportFailed, match="CERTIFICATE_VERIFY_FAILED"):
                open_pool(peer.url).send(REQUEST)
            assert peer.request_count == 0

    def test_nor_for_another_name(self, open_pool: OpenPool, tmp_path: Path) -> None:
        certificate = _certificate(tmp_path, "elsewhere.example")
        with Peer([ok(b"{}")], tls=_server_side(certificate)) as peer:
            with pytest.raises(TransportFailed, match="Hostname mismatch"):
                open_pool(peer.url, tls=ssl.create_default_context(cafile=certificate)).send(REQUEST)
            assert peer.request_count == 0


def _server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _certificate(folder: Path, host: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    path = folder / "certificate.pem"
    path.write_bytes(pem)
    return path


def _say_nothing(connection: socket.socket) -> None:
    connection.recv(1)  # until the client goes
