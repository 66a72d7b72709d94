"""Celery on the tenants' SQS queues: transport, consumer, task base, messages, tasks. Uses no adapters."""
