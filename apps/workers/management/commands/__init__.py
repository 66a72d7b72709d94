"""Commands that run the roles which are not Celery: changes, sweep, reconcile."""
