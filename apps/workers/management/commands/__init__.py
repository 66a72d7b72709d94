"""Management commands of the roles other than Celery, and of their tools."""
