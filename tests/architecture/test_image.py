"""The image's entrypoint."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from config.celery_settings import WORKER_FLAGS
from tests.architecture.sources import ROOT

ENTRYPOINT = ROOT / "docker/entrypoint"
ROLES = ["web", "worker", "changes", "sweep", "migrate", "manage"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [ENTRYPOINT, *arguments],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class TestEntrypoint:
    def test_refuses_an_unknown_role_and_lists_the_roles(self) -> None:
        done = run("admin")
        assert done.returncode == 64  # EX_USAGE, sysexits.h
        assert "'admin'" in done.stderr
        assert done.stderr.strip().endswith(" ".join(ROLES))

    def test_refuses_to_guess_a_role(self) -> None:
        assert run().returncode == 64

    def test_every_role_becomes_its_server(self) -> None:
        text = ENTRYPOINT.read_text(encoding="utf-8")
        branches = _branches(text)
        assert list(branches) == ROLES
        without_exec = [role for role, body in branches.items() if not re.search(r"^ +exec ", body, re.MULTILINE)]
        assert not without_exec, "a shell as PID 1 swallows the stop signal"

    def test_a_worker_starts_with_the_flags_its_settings_ask_for(self) -> None:
        assert f"worker {' '.join(WORKER_FLAGS)} " in ENTRYPOINT.read_text(encoding="utf-8")

    def test_a_worker_ends_with_its_tasks(self) -> None:
        """Celery's soft shutdown sleeps for the whole timeout; ``tests/workers/test_ending.py`` shows the warm one."""
        set_by_roles = re.findall(r"^ +export (\w+)=", ENTRYPOINT.read_text(encoding="utf-8"), re.MULTILINE)
        assert set_by_roles == ["RESALE_STATEMENT_SECONDS"]

    def test_a_release_migrates_and_collects_the_static_files(self) -> None:
        commands = re.findall(r"python manage.py (\w+)", _branches(ENTRYPOINT.read_text(encoding="utf-8"))["migrate"])
        assert commands == ["migrate", "collectstatic"]

    def test_operators_reach_every_command(self) -> None:
        done = run("manage", "reconcile", "--help")
        assert done.returncode == 0, done.stderr
        assert "--tenant" in done.stdout


class TestContent:
    def test_the_tools_of_one_machine_stay_out_of_the_image(self) -> None:
        copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "docker/Dockerfile").read_text(), re.MULTILINE)
        sources = {path for line in copied for path in line.split()}
        assert {"apps", "resale", "config"} <= sources
        assert not [path for path in sources if path.split("/")[0] in {"deploy", "tests", "bench", "."}]


class TestAReadOnlyRoot:
    """ECS mounts a volume as root's own, unless the image declares one on a folder of its user (ECS, bind mounts)."""

    def test_has_a_volume_of_its_user_for_all_that_is_written(self) -> None:
        text = (ROOT / "docker/Dockerfile").read_text()
        volumes = [Path(name) for line in re.findall(r"^VOLUME (.+)$", text, re.MULTILINE) for name in json.loads(line)]
        written = [Path(name) for name in re.findall(r"RESALE_(?:GUARD_DIR|HEALTH_FILE)=(\S+)", text)]
        assert len(written) == 2
        assert [path for path in written if not any(path.is_relative_to(volume) for volume in volumes)] == []
        (user,) = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
        before_volumes = text[: text.index("VOLUME")]  # what changes a folder after its declaration is lost
        assert [str(volume) for volume in volumes if f"chown {user} {volume}\n" not in before_volumes] == []
        assert Path("/tmp") in volumes  # noqa: S108 - where Python and libvips put their temporary files


def _branches(text: str) -> dict[str, str]:
    return dict(re.findall(r"^    (\w+)\)\n(.*?);;", text, re.MULTILINE | re.DOTALL))
