"""A PostgreSQL server in a temporary folder of its own: empty, on a Unix socket. Whoever has it starts its command."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg

_UNPRIVILEGED: Final = "nobody"
_USER: Final = "resale"


def find_binaries() -> Path | None:
    """Find an installed PostgreSQL, on the search path or where Debian puts it."""
    binary = shutil.which("postgres") or next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))), None)
    return Path(binary).resolve().parent if binary else None


class PostgreSQL:
    """One server: its data, its command and its URL. The server refuses to run as root, so root lends it to nobody."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="resale-pg-"))  # short: a socket's path has 107 bytes
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        self._as_user: tuple[str, ...] = ()
        if os.getuid() == 0:
            user = pwd.getpwnam(_UNPRIVILEGED)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as_user = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--")

    def create(self) -> None:
        """Make the empty data folder. Raises CalledProcessError."""
        options = ("-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        subprocess.run(
            (*self._as_user, self._binaries / "initdb", "-D", self._data, *options),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=True,
        )

    @property
    def command(self) -> tuple[str, ...]:
        """The command of the server. SIGINT stops it at once, SIGTERM when its clients have left."""
        options = ("-c", "fsync=off", "-c", "listen_addresses=", "-k", str(self.folder))
        return (*self._as_user, str(self._binaries / "postgres"), "-D", str(self._data), *options)

    @property
    def url(self) -> str:
        """DATABASE_URL of its database."""
        return f"postgres://{_USER}@{quote(str(self.folder), safe='')}/postgres"

    def is_up(self) -> bool:
        """Return whether it responds."""
        try:
            psycopg.connect(host=str(self.folder), user=_USER, dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def remove(self) -> None:
        """Delete its data; it has ended."""
        shutil.rmtree(self.folder)

    @property
    def _data(self) -> Path:
        return self.folder / "data"
