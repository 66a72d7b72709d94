"""The Celery app of a worker that runs the platform's own tasks, for the tenants of a test's plan."""

from typing import Any

from celery import Celery

from config.celery_settings import PROCESS_MODULES
from tests.workers import worker_app


def _settings() -> dict[str, Any]:
    return {**worker_app.settings(), "imports": (*PROCESS_MODULES, "apps.workers.tasks.definitions")}


app = Celery("whole_app")
app.add_defaults(_settings)
