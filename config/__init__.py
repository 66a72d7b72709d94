"""Data for Django: settings, urls, celery. Names apps by string."""
