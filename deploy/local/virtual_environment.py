"""Creation of ``.venv`` from requirements-dev.lock, and of other environments from their own locks.

Standard library only: it runs before anything is installed.

A virtual environment cannot be moved, because its scripts name it. So it is built in place, and the file ``.ready`` in
it, written last and taken away before anything is changed, tells whether it is whole. What is not is made anew.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 1_800  # a slow network and 200 MB
_DEV = "dev"
_INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended

Say = Callable[[str], None]


class SetupFailed(Exception):  # noqa: N818 - named for what happened
    """Raised when the environment could not be created; the message has the remedy."""


def say_line(line: str) -> None:
    """Print one line immediately."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class VirtualEnvironment:
    """An environment in a folder, with the packages of its lock file.

    Args:
        root: The checkout.
        purpose: "dev" is ``.venv``; "mutation" is ``.venv-mutation``, from its own lock; "checkov" likewise.
        python: The interpreter of the environment; by default the one that runs this.
        say: Prints one line of progress.
    """

    def __init__(self, root: Path, *, purpose: str = _DEV, python: str | None = None, say: Say = say_line) -> None:
        self.home = root / (".venv" if purpose == _DEV else f".venv-{purpose}")
        self._lock_file = root / f"requirements-{purpose}.lock"
        self._marker = self.home / ".ready"
        # Not the environment's own, where that is what runs this.
        self._python = python or getattr(sys, "_base_executable", "") or sys.executable
        self._say = say

    def prepare(self) -> None:
        """Create or update the environment; does nothing if it is complete and up to date.

        Raises:
            SetupFailed: Something is missing on this machine, or could not be fetched.
        """
        with self._one_at_a_time():
            made_of = self._read_stamp()
            if made_of == self._build_stamp():
                return
            if made_of is None:
                self._make()
            self._marker.unlink(missing_ok=True)
            self._sync()
            self._marker.write_text(self._build_stamp(), encoding="utf-8")

    def _read_stamp(self) -> str | None:
        """Return the fingerprint of the environment's sources; None if it is incomplete or missing."""
        if not os.access(self._own_python, os.X_OK):  # its interpreter was removed, or never there
            return None
        try:
            found = self._marker.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        is_elsewhere = found and found.splitlines()[0] != str(self.home)  # moved or copied: its scripts do not start
        return None if is_elsewhere else found

    def _build_stamp(self) -> str:
        return f"{self.home}\n{hashlib.sha256(self._lock_file.read_bytes()).hexdigest()}\n"

    def _make(self) -> None:
        self._require_venv()
        self._say(f"making {self.home.name}")
        _remove(self.home)
        self._run((self._python, "-m", "venv", str(self.home)), f"Python could not make {self.home.name}")

    def _sync(self) -> None:
        self._say(f"installing {self._lock_file.name} (some minutes the first time)")
        pinned = self.home / "uv.txt"
        pinned.write_text("\n".join(_entry(self._lock_file, "uv")) + "\n", encoding="utf-8")
        python = str(self._own_python)
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        self._run((*pip, "--require-hashes", "-r", str(pinned)), "pip could not fetch uv; it needs the network once")
        sync = (python, "-m", "uv", "pip", "sync", "--quiet", "--python", python, "--require-hashes")
        trouble = f"uv could not install {self._lock_file.name}; it needs the network once"
        self._run((*sync, str(self._lock_file)), trouble)

    @property
    def _own_python(self) -> Path:
        return self.home / "bin" / "python"

    def _require_venv(self) -> None:
        """Refuse a Python without venv, such as Debian's without python3-venv, before a partial one is created."""
        if subprocess.run((self._python, "-c", "import ensurepip, venv"), capture_output=True, check=False).returncode:
            raise SetupFailed(
                f"{self._python} cannot make virtual environments. Install what it lacks and run the same again:\n"
                f"  Debian, Ubuntu: sudo apt install python3-venv (or python3.{sys.version_info.minor}-venv)\n"
                "  elsewhere: a Python with venv and pip, from python.org, Homebrew or pyenv"
            )

    def _run(self, command: tuple[str, ...], trouble: str) -> None:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SetupFailed(f"{trouble}: {error}") from error
        if done.returncode != 0:
            raise SetupFailed(f"{trouble}:\n{(done.stderr or done.stdout).strip()[-1500:]}")

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with self._lock_file.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


def _remove(home: Path) -> None:
    if home.is_symlink():
        home.unlink()
    else:
        shutil.rmtree(home, ignore_errors=True)


def _entry(lock_file: Path, name: str) -> Iterator[str]:
    """Iterate over the lines that pin one package: its version and its hashes."""
    is_inside = False
    for line in lock_file.read_text(encoding="utf-8").splitlines():
        if is_inside and not line.startswith("    --hash"):
            return
        is_inside = is_inside or line.startswith(f"{name}==")
        if is_inside:
            yield line


def main() -> int:
    """Create the environment of this checkout, or the one that is named; return the exit code."""
    environment = VirtualEnvironment(ROOT, purpose=(*sys.argv[1:], _DEV)[0])
    try:
        environment.prepare()
    except SetupFailed as failure:
        sys.stderr.write(f"error: {failure}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; the next run makes {environment.home.name} anew\n")
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
