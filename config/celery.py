"""The Celery app: ``celery -A config.celery worker -Q orders …`` (``config.celery_settings`` has the whole line)."""

from typing import Any

from celery import Celery
from django.conf import settings

from config import celery_settings

app = Celery("resale")


def _settings() -> dict[str, Any]:
    """Return the settings when Celery first reads them: nothing is read at import."""
    return getattr(settings, "CELERY", None) or celery_settings.settings(
        celery_settings.AWS, health_file=settings.HEALTH_FILE
    )


app.add_defaults(_settings)
