"""Installation of the engines in ``.engines/``: pinned versions, verified content, each installed atomically.

``python -m deploy.local.engines.install`` does it by hand.
"""

import base64
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ENGINES_DIR = Path(__file__).resolve().parents[3] / ".engines"

DYNOXIDE_VERSION = "1.2.1"  # exact: its file is given two indexes (see dynoxide.py)
DYNOXIDE_PACKAGE = f"@dynoxide/linux-x64@{DYNOXIDE_VERSION}"
# npm's integrity value of that package, base64 (npm view @dynoxide/linux-x64@1.2.1 dist.integrity).
DYNOXIDE_SHA512 = "sBHqlxJ9ANkLluFkYRfd5r8Y0ApFew4FhOrlhgRAgD4XzEoFOukEo1nuBTQ1+jTtofqwn4NWQ2k0Tn5mNTjgUg=="
MINISTACK_LOCK = Path(__file__).with_name("ministack.lock")
ENGINE_VARIABLE = "RESALE_ENGINE"  # "ministack": its DynamoDB stands in, as where dynoxide is not published
_COMMAND_SECONDS = 600
_DRAFT = ".draft-"

Say = Callable[[str], None]


class InstallError(Exception):
    """Raised when an engine could not be fetched; the message has the remedy."""


@dataclass(frozen=True)
class Installed:
    """The installed engines. ``dynoxide`` is None where it is not published; ministack replaces it."""

    dynoxide: Path | None
    ministack_python: Path


def say_line(line: str) -> None:
    """Print one line immediately."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def install(engines_dir: Path = ENGINES_DIR, say: Say = say_line) -> Installed:
    """Return the engines, fetching missing ones.

    Raises:
        InstallError: npm or the network is missing, or what came is not what was pinned.
    """
    engines_dir.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(engines_dir):
        for draft in engines_dir.glob(f"{_DRAFT}*"):  # of somebody who was killed
            shutil.rmtree(draft, ignore_errors=True)
        dynoxide = install_dynoxide(engines_dir, say) if has_dynoxide() else None
        return Installed(dynoxide=dynoxide, ministack_python=install_ministack(engines_dir, say))


def has_dynoxide() -> bool:
    """Return whether dynoxide stores the tables here: it is published for this machine, and ministack is not chosen.

    Raises:
        InstallError: ``RESALE_ENGINE`` names no engine.
    """
    chosen = os.environ.get(ENGINE_VARIABLE, "").strip() or "dynoxide"
    if chosen not in {"dynoxide", "ministack"}:
        raise InstallError(f"{ENGINE_VARIABLE}={chosen} is no engine for DynamoDB; use dynoxide or ministack")
    return chosen == "dynoxide" and is_published()


def is_published() -> bool:
    """Return whether dynoxide is published for this machine."""
    return sys.platform == "linux" and platform.machine() in {"x86_64", "AMD64"}


def install_dynoxide(engines_dir: Path, say: Say, *, sha512: str = DYNOXIDE_SHA512) -> Path:
    """Return the binary of dynoxide; fetch it with npm if missing, and refuse another sha512."""
    home = engines_dir / f"dynoxide-{DYNOXIDE_VERSION}"
    binary = home / "dynoxide"
    if binary.exists():
        return binary
    say(f"fetching dynoxide {DYNOXIDE_VERSION} (DynamoDB engine, 3.5 MB) with npm …")
    with open_draft(engines_dir, home) as draft:
        unpack_npm_file(DYNOXIDE_PACKAGE, "dynoxide", draft / "dynoxide", sha512=sha512)
        (draft / "dynoxide").chmod(0o755)
    return binary


def install_ministack(engines_dir: Path, say: Say, *, lock: Path = MINISTACK_LOCK) -> Path:
    """Return the interpreter of ministack's environment; build it from the hashed lock file if missing."""
    home = engines_dir / f"ministack-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python = home / "bin" / "python"
    if python.exists():
        return python
    say("installing ministack (the other AWS services, 46 MB) into an environment of its own …")
    with open_draft(engines_dir, home) as draft:
        for command in _environment_commands(draft, lock):
            _run(command, "ministack could not be installed; it needs the network once")
    return python


def check_sha512(path: Path, expected: str) -> None:
    """Compare a file with npm's integrity value.

    Raises:
        InstallError: They differ.
    """
    with path.open("rb") as content:
        found = base64.b64encode(hashlib.file_digest(content, "sha512").digest()).decode()
    if found != expected:
        raise InstallError(f"{path.name} is not the pinned one: sha512 is {found}, expected {expected}; not installed")


def unpack_npm_file(package: str, name: str, target: Path, *, sha512: str) -> None:
    """Fetch an npm package, verify it and write one of its files to ``target``.

    Raises:
        InstallError: npm or the network is missing, or what came is not what was pinned.
    """
    tarball = _npm_pack(package, target.parent)
    check_sha512(tarball, sha512)
    with tarfile.open(tarball) as archive:
        source = archive.extractfile(f"package/{name}")
        if source is None:
            raise InstallError(f"{tarball.name} holds no {name}")
        with source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    tarball.unlink()


def _npm_pack(package: str, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise InstallError(
            "npm is not on the PATH; install Node.js (https://nodejs.org), which brings it (Debian, Ubuntu: sudo apt "
            f"install npm), and run again; or do without dynoxide: {ENGINE_VARIABLE}=ministack"
        )
    _run(
        (npm, "pack", package, "--silent", "--pack-destination", str(folder)),
        f"npm could not fetch {package}; it needs the network once",
    )
    tarball = next(folder.glob("*.tgz"), None)
    if tarball is None:
        raise InstallError(f"npm left no archive of {package}")
    return tarball


def _environment_commands(home: Path, lock: Path) -> list[tuple[str, ...]]:
    """Return the commands of uv if it is installed (a second), else of the standard library (half a minute)."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    python = str(home / "bin" / "python")
    if uv is not None:
        return [
            (uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(home)),
            (uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(lock)),
        ]
    return [
        (sys.executable, "-m", "venv", str(home)),
        (python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)),
    ]


def _run(command: tuple[str, ...], trouble: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{trouble}: {error}") from error
    if done.returncode != 0:
        raise InstallError(f"{trouble}. {Path(command[0]).name} said:\n{(done.stderr or done.stdout).strip()[-1500:]}")


@contextmanager
def open_draft(engines_dir: Path, home: Path) -> Iterator[Path]:
    """Create a folder to build in; it becomes ``home`` atomically, and only on success."""
    draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=engines_dir))
    try:
        yield draft
        if home.exists():  # half of an older one
            shutil.rmtree(home)
        draft.rename(home)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def one_at_a_time(engines_dir: Path) -> Iterator[None]:
    """Wait until no other process installs."""
    with (engines_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Install from the command line; return the exit code."""
    try:
        installed = install()
    except InstallError as error:
        say_line(f"error: {error}")
        return 1
    say_line(f"engines are in {installed.ministack_python.parents[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
