"""The image as a task runs it: not root, nothing to write but its volume, each role process 1, drained under load.

Needs podman or docker, and the image that ``make image`` built; PostgreSQL and HAProxy for the load.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.local.postgresql import find_binaries
from tests.rehearsal import balancer
from tests.rehearsal.containers import Containers, find_engine
from tests.rehearsal.task_definitions import TaskDefinition

IMAGE = "localhost/resale:latest"
USER = "10001:10001"
NEEDED = {"AllowedHosts": "resale.example", "StaticBucket": "static", "EmailFrom": "a@b.example", "Release": "r1"}

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def containers() -> Containers:
    engine = find_engine()
    if engine is None:
        pytest.skip("neither podman nor a docker engine is here (Debian, Ubuntu: sudo apt install podman runc)")
    found = subprocess.run((*engine, "image", "inspect", IMAGE), capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"{IMAGE} is not built: make image")
    containers = Containers(engine, IMAGE)
    runs = run(*containers.command("resale-test-runs", user=USER), "--entrypoint", "true", IMAGE)
    if runs.returncode:
        pytest.skip(f"no container runs on this machine: {runs.stderr.strip()[-300:]}")
    return containers


@pytest.fixture
def shell(containers: Containers, request: pytest.FixtureRequest) -> Iterator[tuple[str, ...]]:
    """A command that runs a shell script in a container with the rights of a task."""
    name = f"resale-test-{request.node.name.replace('[', '-').replace(']', '')}"
    yield (*containers.command(name, user=USER), "--entrypoint", "sh", IMAGE, "-c")
    containers.remove(name)


def run(*command: str | Path, seconds: int = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)


class TestRights:
    def test_it_is_not_root(self, shell: tuple[str, ...]) -> None:
        done = run(*shell, "id -u; id -g; grep ^CapEff /proc/self/status")
        assert done.stdout.split() == ["10001", "10001", "CapEff:", "0" * 16], done.stderr

    def test_it_writes_its_volume_and_nothing_else(self, shell: tuple[str, ...]) -> None:
        script = 'for folder in / /srv/resale /venv /tmp; do touch "$folder/probe" 2>/dev/null && echo "$folder"; done'
        assert run(*shell, script).stdout.split() == ["/tmp"]  # noqa: S108 - the image's volume

    def test_it_has_no_tools_of_one_machine(self, shell: tuple[str, ...]) -> None:
        found = run(*shell, "ls --ignore=__pycache__").stdout.split()
        assert found == ["apps", "config", "docker", "manage.py", "resale"]

    def test_it_refuses_an_unknown_role(self, containers: Containers) -> None:
        done = run(*containers.command("resale-test-role", user=USER), IMAGE, "admin")
        assert (done.returncode, "unknown role" in done.stderr) == (64, True)

    def test_it_does_not_start_without_its_settings(self, containers: Containers) -> None:
        done = run(*containers.command("resale-test-settings", user=USER), IMAGE, "manage", "check")
        assert "missing: DJANGO_SECRET_KEY, DATABASE_URL" in done.stderr

    def test_the_health_check_of_a_task_is_there(self, shell: tuple[str, ...]) -> None:
        check = TaskDefinition("sweep", "sweep", NEEDED).container["HealthCheck"]["Command"][1:]
        assert run(*shell, " ".join(check)).returncode == 1  # it runs, and finds no heartbeat


@pytest.mark.timeout(2_400)
class TestUnderLoad:
    @pytest.mark.skipif(
        find_binaries() is None or balancer.find_binary() is None,
        reason="PostgreSQL and HAProxy are needed (Debian, Ubuntu: sudo apt install postgresql haproxy)",
    )
    def test_every_role_starts_is_healthy_and_drains(self, containers: Containers) -> None:
        """Each container is ready when its health check passes in it, and process 1 is its role; see ``Stage``."""
        done = run(
            sys.executable,
            *("-m", "tests.rehearsal", "--image", containers.image, "--only", "scale in"),
            seconds=2_300,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]
        assert "| scale in and out |" in done.stdout
