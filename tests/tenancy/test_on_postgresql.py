"""The same tests of the registry on PostgreSQL, in a process of their own: one process knows one database."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUITE = (
    "tests/tenancy/test_registry.py",
    "tests/tenancy/test_connections.py",
    "tests/tenancy/test_scopes.py",
    "tests/tenancy/test_accounts.py",
    "tests/tenancy/test_sign_ins.py",
    "tests/tenancy/test_model_admins.py",
    "tests/tenancy/test_tenant_accounts.py",
    "tests/tenancy/test_onboarding.py::TestOnboard",
    "tests/tenancy/test_onboarding.py::TestLease",
    "tests/tenancy/test_sandboxes.py::test_creations_at_once_never_take_the_same_account",
    "tests/tenancy/test_offboarding.py::TestHold",
    "tests/api/test_storefront_sandboxes.py::TestCreateSandbox",
    "tests/api/test_auth_keys.py",
    "tests/api/test_health.py",
)


def test_the_registry_runs_on_postgresql(postgresql_url: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *SUITE],
        cwd=ROOT,
        env={**environment, "DATABASE_URL": postgresql_url},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
