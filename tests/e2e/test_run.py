"""``make run`` as a newcomer meets it: twice in one folder, each time to its end."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local.journey.shops import PERSONAL_TEXTS
from tests.e2e.traces import written_as

ROOT = Path(__file__).resolve().parents[2]
_RUN_SECONDS = 170


@dataclass(frozen=True)
class Runs:
    """What two runs in one folder left behind."""

    var: Path
    outputs: tuple[str, str]
    demos: tuple[dict[str, Any], dict[str, Any]]
    processes_left: list[str]


def _run(var: Path, port: int) -> str:
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings.local", "RESALE_VAR_DIR": str(var)}
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "run"],
        env={**os.environ, **settings, "ONCE": "1", "PORT": str(port)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    var = tmp_path_factory.mktemp("machine") / "var"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outputs, demos = [], []
    for _ in range(2):
        outputs.append(_run(var, port))
        demos.append(json.loads((var / "demo.json").read_text()))
    return Runs(var, (outputs[0], outputs[1]), (demos[0], demos[1]), _processes_of(var))


@pytest.mark.slow
@pytest.mark.timeout(2 * _RUN_SECONDS + 20)
class TestMakeRun:
    def test_prints_the_whole_sale_each_time(self, runs: Runs) -> None:
        for output in runs.outputs:
            assert re.search(r"one gets 202: ord_\w+; the other 409: listing_not_for_sale", output)
            assert "the order is confirmed" in output
            assert output.count("none missing; every hash is right") == 2
            assert "atelier's keys and shoppers see none of it" in output

    def test_keeps_keys_and_logins_and_renews_tokens(self, runs: Runs) -> None:
        first, second = runs.demos
        for before, after in zip(first["tenants"], second["tenants"], strict=True):
            renewed = {"seller_token", "buyer_token"}
            assert {name: value for name, value in before.items() if name not in renewed} == {
                name: value for name, value in after.items() if name not in renewed
            }
            assert all(before[name] != after[name] for name in renewed)
        assert first["operator"] == second["operator"]

    def test_describes_itself_as_its_page_says(self, runs: Runs) -> None:
        page = (ROOT / "docs/local-platform.md").read_text()
        written = {"tenants": set(runs.demos[0]["tenants"][0]), "": set(runs.demos[0])}
        assert written[""] == {"base_url", "admin_url", "tenants", "operator", "payments_url", "shipping_url"}
        for name in written["tenants"]:
            assert re.search(rf"^\| .*`(tenants\[\])?\.{name}", page, re.MULTILINE), name
        assert stat.S_IMODE((runs.var / "demo.json").stat().st_mode) == 0o600

    def test_keeps_the_data_of_the_first_run(self, runs: Runs) -> None:
        listings = {match for output in runs.outputs for match in re.findall(r"lst_[0-9a-f]{32}", output)}
        kept = [*(runs.var / "dynamodb").glob("*.sqlite*"), *(runs.var / "ministack/state").rglob("*.json")]
        databases = b"".join(path.read_bytes() for path in kept)
        assert len(listings) == 2 * 4  # sold, paid out, returned, on sale again
        assert all(listing.encode() in databases for listing in listings)

    def test_hears_its_partners(self, runs: Runs) -> None:
        lines = [
            json.loads(line) for line in (runs.var / "log" / "web.log").read_text().splitlines() if "/hooks/" in line
        ]
        assert {line["status"] for line in lines} == {202}
        assert {line["tenant"] for line in lines} == {"northwind", "atelier"}

    def test_leaves_no_process_behind(self, runs: Runs) -> None:
        assert runs.processes_left == []

    def test_leaves_no_personal_data_in_the_clear(self, runs: Runs) -> None:
        traces = {trace: text for text in PERSONAL_TEXTS for trace in written_as(text)}
        found = {
            f"{path.relative_to(runs.var)}: {text}"
            for path in runs.var.rglob("*")
            if path.is_file()
            for content in [path.read_bytes()]
            for trace, text in traces.items()
            if trace in content
        }
        assert found == set()


@pytest.mark.slow
class TestInterrupted:
    def test_ends_as_interrupted_and_not_as_done(self, tmp_path: Path) -> None:
        settings = {"DJANGO_SETTINGS_MODULE": "config.settings.local", "RESALE_VAR_DIR": str(tmp_path / "var")}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "run"],
            env={**os.environ, **settings, "ONCE": "1", "PORT": str(port)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == "starting the engines\n"
            running.send_signal(signal.SIGINT)
            output = running.stdout.read()
        assert running.returncode == 128 + signal.SIGINT
        assert "interrupted before the journey was over" in output


def _processes_of(var: Path) -> list[str]:
    """Every process whose command line or environment names the folder."""
    named = str(var).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            mentioned = named in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
        if mentioned and int(process.name) != os.getpid():
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found
