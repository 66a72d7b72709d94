"""The Celery app: ``celery -A config.celery worker -Q orders …`` (``config.celery_settings`` has the whole line)."""

from typing import Any

from celery import Celery
from celery.signals import worker_init
from django.conf import settings

from config import celery_settings
from resale.struct_types import build_struct_types

app = Celery("resale")


def _settings() -> dict[str, Any]:
    """Return the settings when Celery first reads them: nothing is read at import."""
    return getattr(settings, "CELERY", None) or celery_settings.settings(
        celery_settings.AWS, health_file=settings.HEALTH_FILE
    )


app.add_defaults(_settings)


@worker_init.connect
def build_types(**_: Any) -> None:
    """Build the types of structs when the tasks are imported, before threads start and the pool forks."""
    build_struct_types()
