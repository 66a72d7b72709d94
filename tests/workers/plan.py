"""What a test tells its worker process, and the files in which that leaves its marks. Imports no task."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from resale.domain.tenants import Tenant

PLAN_VARIABLE = "WORKER_TEST_PLAN"
HERE = "tests.workers.worker_app"  # where the worker finds its bindings and tenants


class Plan(msgspec.Struct, kw_only=True):
    """What a test tells its worker; rewritten while the worker runs, for ``tenants``."""

    tenants: list[Tenant]
    endpoints: dict[str, str]  # slug → where its SQS answers
    access_key_id: str
    secret_access_key: str
    marks_file: str
    health_file: str
    settings: dict[str, Any]  # over the local profile's
    options: dict[str, Any]  # over the transport's


def read_plan() -> Plan:
    return msgspec.json.decode(Path(os.environ[PLAN_VARIABLE]).read_bytes(), type=Plan)


def notes_file(marks_file: Path) -> Path:
    return marks_file.with_name("notes.jsonl")


def usage_file(marks_file: Path) -> Path:
    return marks_file.with_name("usage.jsonl")


def read_marks(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]
