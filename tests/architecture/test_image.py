"""The image's entrypoint."""

import re
import subprocess

from config.celery_settings import WORKER_FLAGS
from tests.architecture.sources import ROOT

ENTRYPOINT = ROOT / "docker/entrypoint"
ROLES = ["web", "worker", "changes", "sweep", "migrate"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ENTRYPOINT, *arguments], capture_output=True, text=True, timeout=10, check=False)


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
        branches = dict(re.findall(r"^    (\w+)\)\n(.*?);;", text, re.MULTILINE | re.DOTALL))
        assert list(branches) == ROLES
        without_exec = [role for role, body in branches.items() if not re.search(r"^ +exec ", body, re.MULTILINE)]
        assert not without_exec, "a shell as PID 1 swallows the stop signal"

    def test_a_worker_starts_with_the_flags_its_settings_ask_for(self) -> None:
        assert f"worker {' '.join(WORKER_FLAGS)} " in ENTRYPOINT.read_text(encoding="utf-8")
