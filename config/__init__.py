"""Django project: settings, URLs, Celery. Names apps by string."""
