"""The changes consumer: copies stream records into history and sends what follows them. Not Celery."""
