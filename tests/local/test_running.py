"""What ``make run`` refuses before it starts anything, and how it goes on with more brands than two."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError

from deploy.local.issuer.keys import IssuerKeys
from deploy.local.journey.story import Journey
from deploy.local.management.commands.run import _port
from deploy.local.private_files import Demo, DemoTenant, Login, Unreadable
from deploy.local.running import LocalPlatform
from deploy.local.supervisor import LockRefused, PortTaken, locks
from deploy.local.supervisor.ports import PortRegistry, pick

_ROOT = Path(__file__).resolve().parents[2]
_NOBODY = 65_534


def refusal(var: Path, port: int) -> Exception:
    """Run a platform that cannot start; it has started nothing."""
    with pytest.raises((PortTaken, LockRefused, Unreadable)) as caught:
        LocalPlatform(var, port=port, say=lambda _line: None).run(once=True)
    assert not (var / "ministack").exists()
    return caught.value


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


class TestRefusals:
    def test_a_taken_port_is_noticed_first_of_all(self, tmp_path: Path, taken_port: int) -> None:
        said = str(refusal(tmp_path, taken_port))
        assert f"port {taken_port} is taken by another program; stop that one first; or choose another: PORT=" in said

    def test_a_folder_in_use_names_who_uses_it(self, tmp_path: Path) -> None:
        held = locks.acquire(tmp_path / locks.PLATFORM, 0)
        assert f"in use by another `make run` (process {os.getpid()})" in str(refusal(tmp_path, pick()))
        locks.release((held,))

    def test_damaged_secrets_are_not_made_up_anew(self, tmp_path: Path) -> None:
        (tmp_path / "secrets.json").write_text('{"django_secret_key": "abc')
        assert "secrets.json is damaged" in str(refusal(tmp_path, pick()))
        assert (tmp_path / "secrets.json").read_text() == '{"django_secret_key": "abc'

    def test_a_port_of_the_administrators_is_not_called_taken(self) -> None:
        lines = (
            "import os",
            "from deploy.local.supervisor.ports import find_port_conflict",
            f"os.getuid() or os.setuid({_NOBODY})",
            "print(find_port_conflict(80))",
        )
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(lines)], cwd=_ROOT, capture_output=True, text=True, check=True
        )
        if Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text().strip() == "0":
            pytest.skip("this machine lets everybody have port 80")
        assert "taken" not in done.stdout
        assert "port 80 needs an administrator's rights" in done.stdout

    @pytest.mark.parametrize("text", ["abc", "0", "-1", "70000", "80.5", "\uff18\uff10", "\u00b2"])
    def test_what_is_no_port_is_said(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PORT", text)
        with pytest.raises(CommandError, match="is not a port; use a number from 1024 to 65535"):
            _port()


class TestPortBook:
    def test_an_engine_gives_way_to_the_port_that_was_asked_for(self, tmp_path: Path) -> None:
        book, port = PortRegistry(tmp_path / "ports.json"), pick()
        book.claim("ministack", port)
        book.claim("web", port)
        assert book.find("web") == port
        assert book.port("ministack") != port


class TestDamagedIssuerKeys:
    def test_are_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "northwind.json").write_text('[{"kty": "E')
        assert IssuerKeys(tmp_path, "northwind").signing_key()[0]


class TestJourney:
    def test_takes_any_number_of_brands(self) -> None:
        login = Login("a@b.example", "pw")
        demo = Demo(
            base_url="http://127.0.0.1:1",
            admin_url="http://localhost:1",
            tenants=tuple(_tenant(slug, login) for slug in ("northwind", "atelier", "third")),
            operator=login,
            payments_url="http://127.0.0.1:2",
            shipping_url="http://127.0.0.1:3",
        )
        journey = Journey(demo, rival_token="r", currency="GBP", say=lambda _line: None)
        assert [tenant.slug for tenant in journey.others] == ["atelier", "third"]


def _tenant(slug: str, login: Login) -> DemoTenant:
    return DemoTenant(
        slug=slug,
        account_id="1" * 12,
        region="eu-west-2",
        publishable_key="pk_1",
        secret_key="sk_1",
        seller_token="s",
        buyer_token="b",
        staff=login,
        logins=(),
    )
