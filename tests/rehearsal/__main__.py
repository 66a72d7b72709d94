"""``make rehearse``: production on this machine, under load, while what happens to production happens to it.

Prints a table with a row for each scene. Ends with 1 and says what is wrong, if anything is.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import django

from deploy.local.supervisor.interrupts import exit_on_signals
from tests.e2e.soak import say_since
from tests.local.postgresql import PostgreSQL, find_binaries
from tests.rehearsal import balancer
from tests.rehearsal.containers import Containers, find_engine


def main() -> int:
    """Play it."""
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal", description=__doc__)
    parser.add_argument("--database-down", type=float, default=60.0, help="seconds without the registry's database")
    parser.add_argument("--only", default="", help="play the scenes with this in their names")
    parser.add_argument("--image", default="", help="run the tasks from this image, in podman or docker")
    options = parser.parse_args()
    binaries = find_binaries()
    if binaries is None or balancer.find_binary() is None:
        sys.stderr.write("PostgreSQL and HAProxy are needed (Debian, Ubuntu: sudo apt install postgresql haproxy)\n")
        return 2
    say = partial(say_since, time.monotonic())
    with exit_on_signals(), tempfile.TemporaryDirectory(prefix="resale-rehearsal-") as folder:
        registry = PostgreSQL(binaries)
        _set_up_django(Path(folder) / "var", registry.url)
        return _rehearse(Path(folder) / "var", registry, options, say)


def _set_up_django(var: Path, database_url: str) -> None:
    """Set up this process, which starts the engines and onboards the brands, with the local settings."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "RESALE_"))]:
        del os.environ[name]
    own = {"DJANGO_SETTINGS_MODULE": "config.settings.local", "RESALE_VAR_DIR": str(var), "DATABASE_URL": database_url}
    os.environ.update(own, RESALE_LOG_LEVEL="WARNING")
    django.setup()


def _containers(image: str, registry: PostgreSQL) -> Containers | None:
    """Return what runs the tasks from an image; None: they are processes of this virtual environment."""
    if not image:
        return None
    engine = find_engine()
    if engine is None:
        raise SystemExit("neither podman nor a docker engine is here (Debian, Ubuntu: sudo apt install podman runc)")
    registry.folder.chmod(0o755)  # the image's user has to reach the socket
    return Containers(engine, image, shared=(registry.folder,))


def _rehearse(var: Path, registry: PostgreSQL, options: argparse.Namespace, say: Callable[[str], None]) -> int:
    # Imported here: models load only once Django is set up.
    from tests.rehearsal.rehearsal import Rehearsal  # noqa: PLC0415
    from tests.rehearsal.scenes import scenes  # noqa: PLC0415
    from tests.rehearsal.stage import Stage  # noqa: PLC0415

    with Stage(var, registry, say=say, containers=_containers(options.image, registry)) as stage:
        stage.start()
        rehearsal = Rehearsal(stage, say=say)
        wanted = scenes(database_down_seconds=options.database_down)
        findings = rehearsal.play([scene for scene in wanted if options.only in scene.name])
    for line in rehearsal.table():
        sys.stdout.write(f"{line}\n")
    for line in findings:
        say(f"WRONG: {line}")
    say("nothing is wrong" if not findings else f"{len(findings)} things are wrong")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
