"""Every documented command beside a running platform, from a shell that knows nothing of it but the folder."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.journey.client import Client
from deploy.local.reference.commands import command_apps
from tests.e2e.machine import ROOT, Machine

_SECONDS = 90
_NO_LETTER = "dlq_" + "0" * 32
#: What `make run` itself runs as processes of its own, all the time.
_ROLES = {"changes", "sweep", "relay", "sandbox_payments", "sandbox_shipping"}
#: What runs until it is stopped; tests/local/test_local_restores.py has what it does.
_LOOPS = {"keep_snapshots"}
#: Writes into the checkout and asks no platform; tests/architecture/test_reference.py holds what it writes.
_WRITES = {"reference"}


@dataclass(frozen=True)
class Case:
    """A command's words, and how it ends here."""

    words: str
    says: str
    fails: bool = False
    given: str = ""


CASES = (
    Case("issue_api_key northwind secret", r"^key_\w+ sk_"),
    Case("issue_api_key --operator", r"^opk_\w+ op_live_"),
    Case("revoke_api_key key_00000000000000000000000000000000", "CommandError: .*key", fails=True),
    Case("dead_letters northwind all list", "^$|^dlq_"),
    Case(
        f"dead_letters northwind all show {_NO_LETTER}", "CommandError: No dead letter with this id exists", fails=True
    ),
    Case("reconcile --tenant atelier", r"^atelier: \d+ checked, 0 repaired, 0 open"),
    Case("reconcile_money atelier --days 7", r"\d+ movements in USD minor units"),
    Case("ledger_journal atelier", r"^date,at,transaction_id,source_id,step,account,title,type,debit,credit,currency"),
    Case("write_off_debts atelier", r"^atelier: \d+ written off$"),
    Case("import_provider_fees atelier", r"^atelier: \d+ posted"),
    Case("trial_balance atelier --opening", r"^USD +opening +debit +credit +closing"),
    Case("set_aside northwind count", r"^\d+ messages$"),
    Case("set_secret northwind northwind/other", "^written; in use within five minutes", given='{"api_key": "k"}'),
    Case("mint_shopper northwind robin", r"^ey[\w-]+\.[\w-]+\.[\w-]+$"),
    Case("onboard_tenant northwind --region eu-west-2 --dry-run", r"^done +active +move the account"),
    Case("offboard_tenant northwind --dry-run", r"^to do +closed +sign the certificate"),
    Case("restore_tenant northwind --at 2020-01-01T00:00:00Z", "CommandError: restore_time_invalid", fails=True),
    Case("move_tenant northwind --region eu-west-1", "CommandError: replica_unknown", fails=True),
    Case("register_replica northwind --region eu-west-1", "CommandError: This is not a resource map", fails=True),
    Case("sandbox list", "^$|^sandbox-"),
    Case("sandbox claim nobody", "CommandError: sandbox_not_found", fails=True),
    Case("features list northwind", r"^relisting +on$"),
    Case("features advance", r"^0 scheduled features$"),
    Case("features hold relisting --reason test", "CommandError: feature_not_scheduled", fails=True),
    Case("upgrade_tenants --dry-run", r"^template of this release: 1-[0-9a-f]{12}$"),
    Case("upgrade_tenants --advance", "^no rollout is scheduled$"),
    Case("upgrade_tenants --abandon --reason test", "CommandError: rollout_not_found", fails=True),
    Case("approve_upgrade northwind --reason test", "CommandError: upgrade_approval_not_required", fails=True),
    Case("report_drift", r"^\d+ tenants as recorded$"),
    Case("doctor atelier", r"^1 tenant examined in \d+\.\d s: 0 problems, 0 notices$"),
    Case("report_usage --days 1", r"^ *day +tenant +api_requests"),
    Case("suspend_tenant nobody", "CommandError: No tenant with this name exists", fails=True),
    Case("resume_tenant northwind", "^northwind is active; all processes follow within 30 s"),
    Case("invite_staff northwind new@brand.example --role moderator", r"^inv_\w+ is sent; it expires at 20"),
    Case("revoke_invitation inv_00000000000000000000000000000000", "CommandError: .*invitation", fails=True),
    Case("reset_second_factor nobody", "CommandError: account_not_found", fails=True),
    Case("run", r"CommandError: .*in use by another `make run` \(process \d+\)", fails=True),
)


def documented() -> set[str]:
    """The commands of the reference, which is generated from the files that define them."""
    return set(command_apps(ROOT))


def in_the_docs() -> set[str]:
    """The commands that stand in the pages as they are typed."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return {name for page in pages for name in re.findall(r"manage(?:\.py)? (\w+) ?[a-z-]", page.read_text())}


def run(machine: Machine, case: Case) -> subprocess.CompletedProcess[str]:
    """Type a command in another terminal, in which a developer is signed in to a cloud of their own."""
    own = ("RESALE_", "AWS_", "DJANGO_", "DATABASE_URL", "PORT", "ONCE")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    cloud = {
        "AWS_ACCESS_KEY_ID": "AKIAELSEWHERE",
        "AWS_SECRET_ACCESS_KEY": "mine",
        "AWS_ENDPOINT_URL": "http://[::1]:1",
    }
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", *case.words.split()],
        env={**shell, **cloud, "RESALE_VAR_DIR": str(machine.var)},
        cwd=Path(machine.var).parent,
        input=case.given,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


@pytest.mark.slow
class TestCommands:
    def test_every_documented_one_is_tried(self) -> None:
        tried = {case.words.split()[0] for case in CASES}
        assert documented() - _ROLES - _LOOPS - _WRITES == tried
        assert in_the_docs() & documented() <= tried | _ROLES | _LOOPS | _WRITES

    @pytest.mark.timeout(300)
    def test_each_works_beside_make_run(self, machine: Machine) -> None:
        with ThreadPoolExecutor(3) as terminals:
            ended = dict(zip(CASES, terminals.map(lambda case: run(machine, case), CASES), strict=True))
        for case, done in ended.items():
            said = done.stdout + done.stderr
            assert (done.returncode != 0) == case.fails, f"{case.words}: {said}"
            assert re.search(case.says, said.strip(), re.MULTILINE), f"{case.words}: {said}"
            assert "Traceback" not in said, f"{case.words}: {said}"

    def test_a_shopper_who_was_minted_is_let_in(self, machine: Machine) -> None:
        token = run(machine, Case("mint_shopper northwind robin", "")).stdout.strip()
        headers = {"X-API-Key": machine.demo.tenants[0].publishable_key, "Authorization": f"Bearer {token}"}
        assert Client(machine.demo.base_url, headers).get("/v1/seller_account").status in {200, 404}
        assert (
            Client(machine.demo.base_url, {**headers, "Authorization": f"Bearer {token}x"})
            .get("/v1/seller_account")
            .status
            == 401
        )
