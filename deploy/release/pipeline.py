"""``make pipeline``: the stages of the pipeline that need no AWS, one after another, and a table of how each ended.

``deploy/platform/pipeline.yaml`` runs the same stages. A stage that fails ends the run, as it does there.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from config.settings.environment import PLATFORM_FILE

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = "docker/Dockerfile"
#: What is tested unless PYTEST_ARGS names something; CI tests everything.
CHOSEN_TESTS: Final = "tests/architecture tests/unit tests/local/test_template_checks.py"

Command: TypeAlias = Sequence[str]


class Skipped(Exception):  # noqa: N818 - named for what happened
    """Raised when a stage cannot run on this machine; the message is the reason."""


class Stage(msgspec.Struct, frozen=True):
    """A stage: its name, what it shows, and its commands, of which the first that fails ends it."""

    name: str
    shows: str
    commands: Callable[[], Sequence[Command]]
    has_own_registry: bool = False  # an empty one, in place of that of `make run`


class Row(msgspec.Struct, frozen=True):
    """How a stage ended. ``result`` is passed, failed, skipped or not run."""

    stage: Stage
    result: str
    seconds: float = 0.0
    detail: str = ""


def _lint() -> Sequence[Command]:
    return [["make", "--no-print-directory", "lint"]]


def _check_migrations() -> Sequence[Command]:
    return [
        [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/architecture/test_migrations.py"],
    ]


def _test() -> Sequence[Command]:
    chosen = os.environ.get("PYTEST_ARGS", CHOSEN_TESTS)
    return [["make", "--no-print-directory", "test", f"PYTEST_ARGS={chosen}"]]


def _build_image() -> Sequence[Command]:
    if shutil.which("docker") and _responds("docker", "info"):
        return [["docker", "build", "-f", DOCKERFILE, "-t", "resale:pipeline", "."]]
    if shutil.which("buildah"):
        options = ["--format", "docker", "--isolation", "chroot", "--network", "host"]
        return [["buildah", "bud", *options, "-f", DOCKERFILE, "-t", "resale:pipeline", "."]]
    raise Skipped("neither a docker engine nor buildah is here")


def _responds(*command: str) -> bool:
    return not subprocess.run(command, capture_output=True, check=False).returncode


def _plan_upgrade() -> Sequence[Command]:
    if not (ROOT / os.environ.get("RESALE_VAR_DIR", "var") / PLATFORM_FILE).is_file():
        raise Skipped("no platform runs here: start `make run`")
    return [[sys.executable, "manage.py", "upgrade_tenants", "--dry-run"]]


STAGES: Final = (
    Stage("lint", "style, types, imports, templates, the Dockerfile", _lint),
    Stage(
        "migrations",
        "models have their migrations, and the former release can run beside them",
        _check_migrations,
        has_own_registry=True,
    ),
    Stage("test", "the chosen tests pass (PYTEST_ARGS)", _test),
    Stage("image", "the image can be built", _build_image),
    Stage("upgrade", "which tenants get this release's templates, in which order", _plan_upgrade),
)


def run_stages(stages: Sequence[Stage], *, folder: Path) -> list[Row]:
    """Run stages up to the first that fails; return a row for each.

    Args:
        stages: In their order.
        folder: Where the registry of stages is that have one of their own.
    """
    rows: list[Row] = []
    for stage in stages:
        if any(row.result == "failed" for row in rows):
            rows.append(Row(stage, "not run"))
            continue
        sys.stdout.write(f"\n== {stage.name}: {stage.shows}\n")
        sys.stdout.flush()
        own = {"RESALE_VAR_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder}/registry.sqlite"}
        rows.append(_run(stage, {**os.environ, **(own if stage.has_own_registry else {})}))
    return rows


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table of text."""
    cells = [("stage", "result", "seconds", "what it shows")]
    cells += [(row.stage.name, row.result, f"{row.seconds:.0f}", row.detail or row.stage.shows) for row in rows]
    widths = [max(len(cell[column]) for cell in cells) for column in range(3)]
    lines = (
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]) for row in cells
    )
    return "".join(f"{line}\n" for line in lines)


def _run(stage: Stage, environment: dict[str, str]) -> Row:
    began = time.monotonic()
    try:
        commands = stage.commands()
    except Skipped as reason:
        return Row(stage, "skipped", detail=str(reason))
    for command in commands:
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code:
            return Row(stage, "failed", time.monotonic() - began, f"`{' '.join(command)}` ended with {code}")
    return Row(stage, "passed", time.monotonic() - began)


def main() -> int:
    """Run the stages that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    names = [stage.name for stage in STAGES]
    parser.add_argument("names", nargs="*", metavar="STAGE", help=f"of {', '.join(names)}; default: all")
    wanted = parser.parse_args().names or names
    if unknown := sorted(set(wanted) - set(names)):
        parser.error(f"no such stage: {', '.join(unknown)}")
    with tempfile.TemporaryDirectory(prefix="resale-pipeline-") as folder:
        rows = run_stages([stage for stage in STAGES if stage.name in wanted], folder=Path(folder))
    sys.stdout.write(f"\n{table(rows)}")
    return 1 if any(row.result == "failed" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
