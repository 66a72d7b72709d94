"""The sign of life of every role that answers no requests: each writes the file that the environment names."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as django_settings
from kombu.asynchronous import Hub
from pytest_django import Settings

from apps.workers import health
from apps.workers.loops import TenantLoops
from apps.workers.transport.consumer import Heartbeat
from config import celery
from tests.workers.lab import ROOT, wait_until

ROLES = {
    "changes": ["changes"],
    "sweep": ["sweep"],
    "worker": ["worker", "-Q", "orders", "-P", "prefork", "-c", "1"],
}


def environment_in(folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RESALE_"))}
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "DATABASE_URL": f"sqlite:///{folder / 'registry.sqlite'}",
        "RESALE_HEALTH_FILE": str(folder / "health"),
    }


class TestRoles:
    @pytest.mark.parametrize("arguments", ROLES.values(), ids=ROLES)
    def test_write_the_file_and_go_when_told(self, tmp_path: Path, arguments: list[str]) -> None:
        environment = environment_in(tmp_path)
        entrypoint = ROOT / "docker" / "entrypoint"
        subprocess.run([entrypoint, "manage", "migrate", "-v", "0"], env=environment, check=True, timeout=60)
        role = subprocess.Popen([entrypoint, *arguments], env=environment, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: health.is_alive(tmp_path / "health", now=time.time()), "a sign of life", 40)
            role.send_signal(signal.SIGTERM)  # at once: who shows life can be ended
            assert role.wait(30) == 0
            check = [sys.executable, "-m", "apps.workers.health", environment["RESALE_HEALTH_FILE"]]
            assert subprocess.run(check, cwd=ROOT, check=False).returncode == 0
        finally:
            role.kill()
            role.wait()


class TestWorkers:
    def test_show_life_when_their_loop_turns_and_not_while_celery_starts(self, tmp_path: Path) -> None:
        path = tmp_path / "health"
        conf = SimpleNamespace(broker_transport_options={"health_file": str(path)})
        with closing(Hub()) as hub:
            starting = SimpleNamespace(app=SimpleNamespace(conf=conf), hub=hub, task_consumer=None)
            heartbeat = Heartbeat(starting)
            heartbeat.start(starting)
            assert not path.exists()
            next(hub.create_loop())
            assert health.is_alive(path, now=time.time())
            heartbeat.stop(starting)

    def test_of_production_write_the_file_the_settings_name(self, settings: Settings) -> None:
        assert not hasattr(django_settings, "CELERY")  # as in production
        settings.HEALTH_FILE = "/somewhere/health"
        options: dict[str, Any] = celery._settings()["broker_transport_options"]
        assert options["health_file"] == "/somewhere/health"


class TestFullDisk:
    def test_ends_no_role(self, tmp_path: Path) -> None:
        tried: list[int] = []

        def alive(_: object) -> None:
            tried.append(1)
            health.write(tmp_path / "no-such-folder" / "health", {})

        loops = TenantLoops(
            name="test", tenants=list, make_round=lambda _: lambda: 1.0, on_alive=alive, refresh_seconds=0.01
        )
        running = threading.Thread(target=loops.run)
        running.start()
        wait_until(lambda: len(tried) > 1, "a second try")
        loops.stop()
        running.join(5)
        assert not running.is_alive()
