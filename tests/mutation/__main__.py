"""``make mutate``: mutants of the code that moves money, and a table of those that no test kills."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.engines import dynoxide
from deploy.local.engines.install import ENGINES_DIR
from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.platform import ensure_platform_key
from tests.fixtures.engines import ACCOUNT_A, ACCOUNT_B
from tests.fixtures.provisioned import PLATFORM_ACCOUNT, PLATFORM_REGION, tenant_of
from tests.mutation.engines import STAGE_VARIABLE, Stage
from tests.mutation.report import ALIVE, documented, outcomes, say, table

ACCOUNTS: Final = (ACCOUNT_A, ACCOUNT_B)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutate")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="only print the table of the last run")
    parser.add_argument(
        "names", nargs="*", help="mutants to run again, with wildcards; by default those without a result"
    )
    asked = parser.parse_args()
    if not asked.report:
        run_mutants("--max-children", str(asked.processes), *asked.names)
    return report()


def run_mutants(*arguments: str) -> None:
    """Run mutmut on engines that are provisioned once."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder, LocalEngines(Path(folder), ACCOUNTS) as engines:
        stage = Path(folder) / "stage.json"
        stage.write_bytes(msgspec.json.encode(set_stage(engines)))
        tools = Path(sys.executable).parent
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"  # mutmut calls mypy by name
        environment = {**os.environ, STAGE_VARIABLE: str(stage), "PATH": path}
        done = subprocess.run([tools / "mutmut", "run", *arguments], env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def set_stage(engines: LocalEngines) -> Stage:
    """Provision both tenants, and stop the engines of the tables, so that their files can be copied."""
    key = ensure_platform_key(
        aws_url=engines.aws_endpoint_url, account_id=PLATFORM_ACCOUNT, region=PLATFORM_REGION, known=None
    )
    stage = Stage(
        aws_endpoint_url=engines.aws_endpoint_url,
        engines_dir=str(ENGINES_DIR),
        data_dir=str(engines.data_dir),
        platform_key=key,
        tenants=(
            tenant_of("northwind", ACCOUNT_A, "eu-west-2", currency="GBP", market="GB", engines=engines),
            tenant_of("atelier", ACCOUNT_B, "us-east-1", currency="USD", market="US", engines=engines),
        ),
    )
    for account in ACCOUNTS:
        engines.supervisor.stop_one(dynoxide.name_of(account))
    return stage


def report() -> int:
    """Print the table, and the survivors without a reason in docs/mutation.md; return 1 if there are any."""
    found, known = outcomes(), documented()
    say(table(found))
    alive = {one.row: one.name for one in found if one.status in ALIVE}
    for row in sorted(known - set(alive)):
        say(f"no longer alive, or not run: {row}")
    unexplained = sorted(set(alive) - known)
    for row in unexplained:
        say(f"alive without a reason in docs/mutation.md: {alive[row]}\n{row} … |")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
