"""Messages that a release of November 2026 sent: every later release handles them, whatever it calls its code."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.workers import messages
from resale.application.reactions import TASKS

ROOT = Path(__file__).parents[2]
BODIES = (ROOT / "tests/samples/queue-messages.jsonl").read_text().splitlines()

_LIST_PARAMETERS = """
import inspect, json
from config.celery import app
app.loader.import_default_modules()
print(json.dumps({name: sorted(inspect.signature(task.run).parameters) for name, task in app.tasks.items()}))
"""


def asked(body: str) -> tuple[str, dict[str, Any]]:
    fields = messages.read(body, message_id="sqs-1", raw_task=None)
    _, kwargs, _ = json.loads(fields["body"])
    return fields["headers"]["task"], kwargs


@pytest.fixture(scope="module")
def parameters() -> dict[str, list[str]]:
    """Task → its parameters, as a worker has them: asked of a process that imports no test's own tasks."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    command = [sys.executable, "-c", _LIST_PARAMETERS]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("body", BODIES, ids=[asked(body)[0] for body in BODIES])
class TestAMessageOfAnEarlierRelease:
    def test_names_a_task_that_takes_its_arguments(self, parameters: dict[str, list[str]], body: str) -> None:
        name, kwargs = asked(body)
        assert sorted(kwargs) == parameters[name]

    def test_is_written_the_same_today(self, body: str) -> None:
        name, kwargs = asked(body)
        assert messages.envelope(name, kwargs, json.loads(body)["headers"]["id"]) == body


def test_every_task_that_is_sent_has_a_stored_message() -> None:
    stored = {asked(body)[0] for body in BODIES}
    missing = {*TASKS} - stored
    assert not missing, f"append a message of each to tests/samples/queue-messages.jsonl: {sorted(missing)}"
