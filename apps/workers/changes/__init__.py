"""The changes consumer, which copies stream records into history and sends the tasks that follow. Not Celery."""
