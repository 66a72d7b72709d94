"""Celery on the tenants' SQS queues: transport, consumer, task base, messages, tasks. Knows operations, no adapter."""
