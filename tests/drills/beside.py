"""Commands and the registry beside a running platform."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

from tests.e2e.machine import ROOT, Machine


def start(machine: Machine, *words: str, given: str | None = None) -> subprocess.Popen[str]:
    """Start a command, with an input or none."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", *words],
        env=machine.environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if given is not None and process.stdin is not None:
        process.stdin.write(given)
        process.stdin.close()
        process.stdin = None
    return process


def read_registry(machine: Machine, slug: str) -> dict[str, Any]:
    """Return a tenant's row, and the names of its partners' secrets."""
    with closing(sqlite3.connect(machine.var / "data" / "registry.sqlite", timeout=10.0)) as registry:
        registry.row_factory = sqlite3.Row
        row = dict(registry.execute("SELECT * FROM tenancy_tenant WHERE slug = ?", (slug,)).fetchone())
        connections = registry.execute("SELECT * FROM tenancy_connection WHERE tenant_id = ?", (row["id"],)).fetchall()
    return {
        **row,
        "resources": json.loads(row["resources"]),
        "allowed_origins": json.loads(row["allowed_origins"]),
        "secret_names": [one["secret_name"] for one in connections if one["secret_name"]],
    }
