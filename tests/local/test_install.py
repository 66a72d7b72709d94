"""Fetching the engines: what is refused, and that nothing half-made stays."""

import base64
import hashlib
import io
import platform
import tarfile
from pathlib import Path

import pytest

from deploy.local.engines import install
from deploy.local.engines.install import InstallError, install_dynoxide, install_ministack


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH besides the system's own tools: put an ``npm`` there."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def engines_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "engines"
    folder.mkdir()
    return folder


def put_npm(path: Path, script: str) -> None:
    (path / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (path / "npm").chmod(0o755)


def put_npm_that_gives(path: Path, content: bytes) -> str:
    """An npm whose package holds ``content`` as the binary; returns the archive's sha512."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/dynoxide")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    (path / "given.tgz").write_bytes(buffer.getvalue())
    put_npm(path, f'/bin/cp {path}/given.tgz "$5"/dynoxide.tgz')
    return base64.b64encode(hashlib.sha512(buffer.getvalue()).digest()).decode()


def left_in(engines_dir: Path) -> list[str]:
    return sorted(entry.name for entry in engines_dir.iterdir())


class TestInstallDynoxide:
    def test_puts_the_checked_binary_in_place(self, path: Path, engines_dir: Path, said: list[str]) -> None:
        sha512 = put_npm_that_gives(path, b"#!/bin/sh\n")
        binary = install_dynoxide(engines_dir, said.append, sha512=sha512)
        assert binary.read_bytes() == b"#!/bin/sh\n"
        assert binary.stat().st_mode & 0o111
        assert left_in(engines_dir) == ["dynoxide-1.2.1"]
        assert len(said) == 1

    def test_asks_nobody_when_it_is_there(self, path: Path, engines_dir: Path, said: list[str]) -> None:
        sha512 = put_npm_that_gives(path, b"first")
        install_dynoxide(engines_dir, said.append, sha512=sha512)
        put_npm(path, "exit 1")
        install_dynoxide(engines_dir, said.append, sha512=sha512)
        assert len(said) == 1

    def test_refuses_another_content_and_keeps_nothing(self, path: Path, engines_dir: Path, said: list[str]) -> None:
        put_npm_that_gives(path, b"something else")
        with pytest.raises(InstallError, match="not the pinned one: sha512 is"):
            install_dynoxide(engines_dir, said.append)
        assert left_in(engines_dir) == []

    @pytest.mark.usefixtures("path")
    def test_says_what_to_do_without_npm(self, engines_dir: Path, said: list[str]) -> None:
        with pytest.raises(InstallError, match="npm is not on the PATH; install Node"):
            install_dynoxide(engines_dir, said.append)
        assert left_in(engines_dir) == []

    def test_passes_on_what_npm_said(self, path: Path, engines_dir: Path, said: list[str]) -> None:
        put_npm(path, "echo 'npm error ENOTFOUND registry' >&2; exit 1")
        with pytest.raises(InstallError, match=r"needs the network once\. npm said:\nnpm error ENOTFOUND registry"):
            install_dynoxide(engines_dir, said.append)


class TestInstallMinistack:
    def test_passes_on_what_the_installer_said_and_keeps_nothing(
        self, engines_dir: Path, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UV_OFFLINE", "1")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
        lock = tmp_path / "lock"
        lock.write_text("ministack==1.5.33 --hash=sha256:" + "0" * 64)
        with pytest.raises(InstallError, match="ministack could not be installed; it needs the network once"):
            install_ministack(engines_dir, said.append, lock=lock)
        assert left_in(engines_dir) == []


class TestInstall:
    def test_clears_what_a_killed_one_left(
        self, path: Path, engines_dir: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(install.ENGINE_VARIABLE, "dynoxide")
        left = engines_dir / ".draft-half"
        left.mkdir()
        put_npm(path, "exit 1")
        with pytest.raises(InstallError):
            install.install(engines_dir, said.append)
        assert not left.exists()


class TestPlatforms:
    @pytest.mark.parametrize(("machine", "published"), [("x86_64", ["yes"]), ("aarch64", [])])
    def test_dynoxide_is_known_to_be_there_or_not(
        self, machine: str, published: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr("sys.platform", "linux")
        assert install.is_published() is bool(published)
