"""The resale library: domain, application and adapters. No Django, no Celery."""
