"""Who may import whom, and what an import may do."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT, broken, imported_modules, sources

_SDK = {"boto3", "botocore"}
_COMMAND_SECONDS = 120


class TestContracts:
    def test_the_import_contracts_hold(self) -> None:
        command = Path(sys.executable).with_name("lint-imports")
        done = subprocess.run(
            [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def test_only_the_container_names_the_bootstrap(self) -> None:
        offences = [
            f"{source.at(node)} import {module}"
            for source in sources("apps", "config")
            if source.path != "apps/core/container.py"
            for node, module in imported_modules(source.tree)
            if module.startswith(("resale.bootstrap", "resale.adapters"))
        ]
        reason = "One place builds adapters (resale/bootstrap.py) and one place asks for them (apps/core/container.py):"
        assert not offences, broken(reason, offences)

    def test_the_aws_sdk_stays_in_the_adapters(self) -> None:
        offences = [
            f"{source.at(node)} import {module}"
            for source in sources("resale", "apps", "config")
            if not source.path.startswith(("resale/adapters/", "resale/bootstrap.py", "deploy/local/"))
            for node, module in imported_modules(source.tree)
            if module.split(".")[0] in _SDK
        ]
        reason = "Sessions, retries and signatures are made in one room; others are given what they need:"
        assert not offences, broken(reason, offences)


class TestImporting:
    def test_an_import_touches_nothing_outside(self) -> None:
        probe = Path(__file__).with_name("import_probe.py")
        done = subprocess.run(
            [sys.executable, probe], cwd=ROOT, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
        )
        reason = "Nothing connects, starts a thread, reads the environment or a file when it is imported:"
        assert done.returncode == 0, broken(reason, [done.stdout, done.stderr])
